"""The thresholds that panels show, from the files in which they are set."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[1]
THRESHOLDS = MONITORING.parent / "dags" / "pipeline" / "thresholds.toml"
RULE_FILES = ("alerts.yml", "meta_rules.yml")


@dataclass(frozen=True, slots=True)
class PipelineThresholds:
    r2_critical: float
    r2_warning: float
    rmse: float
    drift_share: float
    data_days: int
    score_days: int
    champion_days: int


@cache
def of_pipeline() -> PipelineThresholds:
    """The DAGs' thresholds; the file is read, for no room imports another."""
    tables = tomllib.loads(THRESHOLDS.read_text())
    model: dict[str, float] = tables["model"]
    return PipelineThresholds(
        r2_critical=model["r2_critical"],
        r2_warning=model["r2_warning"],
        rmse=model["rmse"],
        drift_share=tables["drift"]["share"],
        data_days=tables["stale"]["data_days"],
        score_days=tables["stale"]["score_days"],
        champion_days=tables["stale"]["champion_days"],
    )


@cache
def of_rule(alertname: str) -> float:
    """The number at the end of the rule's expression: `... > 0.05`.

    Raises ValueError when no rule has the name, or its expression ends with something else.
    """
    for rule in _rules():
        if rule["alert"] == alertname and (end := re.search(r"[<>]=? *([0-9.]+)$", rule["expr"].strip())):
            return float(end[1])
    raise ValueError(f"no rule {alertname} that ends with a threshold")


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    documents = [yaml.safe_load((MONITORING / name).read_text()) for name in RULE_FILES]
    return tuple(rule for document in documents for group in document["groups"] for rule in group["rules"])
