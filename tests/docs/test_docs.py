"""The documentation is held to the code."""

import re
from pathlib import Path

import pytest
import yaml

from alert_router.settings import SECRETS, Settings, from_environment

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_every_setting_is_documented_and_nothing_else() -> None:
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text()

    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))

    assert documented == {field.alias for field in Settings.model_fields.values()}


def test_the_settings_marked_secret_are_those_that_can_be_files() -> None:
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text()

    marked = set(re.findall(r"^\| `([A-Z_]+)` \(secret\)", page, re.MULTILINE))

    assert marked == set(SECRETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert missing == []


def test_every_test_that_proves_a_promise_exists() -> None:
    page = (ROOT / "docs" / "RELIABILITY.md").read_text()

    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)

    assert len(named) > 20
    assert [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    ] == []


def test_every_command_of_the_makefile_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"\.PHONY: ((?:.*\\\n)*.*)", text)).replace("\\\n", " ").split()
    internal = {"fmt-check", "lint", "types", "floors", "prometheus", "browser", "postgresql", "faketime"}

    described = set(re.findall(r"^([a-z0-9-]+):.*##", text, re.MULTILINE))

    assert described == set(phony) - internal


def test_two_routers_set_up_as_described_are_heard_from_other_machines() -> None:
    text = (ROOT / "docs" / "RUNNING_TWO.md").read_text()
    exported = dict(re.findall(r"^export ([A-Z_]+)=(\S+)", text, re.MULTILINE))
    [alertmanager] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]

    listen = from_environment({"ALERT_ROUTER_LISTEN": exported["ALERT_ROUTER_LISTEN"]})
    webhooks = alertmanager["receivers"][0]["webhook_configs"]

    assert listen.host not in ("127.0.0.1", "localhost")
    assert "ALERT_ROUTER_INGEST_TOKENS_FILE" in exported
    assert len(webhooks) == 2
    assert all("credentials_file" in one["http_config"]["authorization"] for one in webhooks)


def test_every_adr_has_its_number_and_its_parts() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))

    for number, page in enumerate(pages, start=1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
