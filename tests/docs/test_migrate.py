"""The configuration that docs/MIGRATE.md shows works as it stands."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from alert_router import config

ROOT = Path(__file__).parent.parent.parent
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "MIGRATE.md").read_text(), re.DOTALL)
NOW = [block for block in BLOCKS if "now" in block.splitlines()[0]]
ALERTMANAGER = [block for block in NOW if "receivers:" in block]


def test_shown_file_of_the_router_loads_without_warnings(tmp_path: Path) -> None:
    [text] = [block for block in NOW if "channels:" in block]
    for number, name in enumerate(re.findall(r"/run/secrets/(\w+)", text), start=1):
        (tmp_path / name).write_text(f"https://discord.com/api/webhooks/{number}/token")
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("/run/secrets/", ""))

    assert config.load(path).warnings == ()


@pytest.mark.parametrize("text", ALERTMANAGER)
def test_shown_receivers_lead_to_the_router_and_lose_nothing(text: str) -> None:
    [receiver] = yaml.safe_load(text)["receivers"]
    [webhook] = receiver["webhook_configs"]

    assert urlsplit(webhook["url"]).path == "/webhooks/alertmanager"
    assert webhook["max_alerts"] == 0
    assert webhook["http_config"]["authorization"]["credentials"]


def test_every_old_configuration_has_a_new_one() -> None:
    before = [block for block in BLOCKS if "before" in block.splitlines()[0]]

    assert len(before) == len(NOW) == 4
