"""The shipped configuration: its folder, its files and its rules."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
RULE_FILES = ("alerts.yml", "meta_rules.yml")

Rule = dict[str, Any]


def read(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


def rules(name: str) -> list[Rule]:
    return [rule for group in read(name)["groups"] for rule in group["rules"]]


EVERY_RULE = [pytest.param(rule, id=rule["alert"]) for name in RULE_FILES for rule in rules(name)]
THE_SIX = [pytest.param(rule, id=rule["alert"]) for rule in rules("alerts.yml")]
