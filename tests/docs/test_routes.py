"""The files that the documentation shows load, and its table has every key."""

import re
from pathlib import Path

import pytest

from alert_router import config

ROOT = Path(__file__).parent.parent.parent
ROUTES = (ROOT / "docs" / "ROUTES.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", [ROUTES, README], ids=["ROUTES.md", "README.md"])
def test_shown_file_loads_without_warnings(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [text] = [block for block in blocks if "\nchannels:" in f"\n{block}"]
    for number, name in enumerate(re.findall(r"/run/secrets/(\w+)", text), start=1):
        (tmp_path / name).write_text(f"https://discord.com/api/webhooks/{number}/token")
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("/run/secrets/", ""))

    assert config.load(path).warnings == ()


def test_table_has_every_key_of_the_file() -> None:
    rows = [line.split("|")[1] for line in ROUTES.splitlines() if line.startswith("| `")]
    documented = {
        part for row in rows for name in re.findall(r"`([a-z_.<>\[\]]+)`", row) for part in name.split(".")
    }
    schema = config.json_schema()["$defs"]

    sections = ("ChannelSection", "RouteSection", "IncidentsSection", "PrometheusSection")
    keys = {key for section in sections for key in schema[section]["properties"]}
    assert keys - documented == set()
