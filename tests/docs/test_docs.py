"""The documentation agrees with the code."""

import re
from pathlib import Path

import pytest
import yaml

from alert_router.settings import SECRETS, Settings, from_environment

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_configuration_page_lists_exactly_the_settings() -> None:
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text()

    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))

    assert documented == {field.alias for field in Settings.model_fields.values()}


def test_settings_marked_secret_have_a_file_twin() -> None:
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text()

    marked = set(re.findall(r"^\| `([A-Z_]+)` \(secret\)", page, re.MULTILINE))

    assert marked == set(SECRETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert missing == []


def test_tests_named_in_reliability_exist() -> None:
    page = (ROOT / "docs" / "RELIABILITY.md").read_text()

    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)

    assert len(named) > 20
    assert [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    ] == []


def test_every_make_target_has_a_description() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"\.PHONY: ((?:.*\\\n)*.*)", text)).replace("\\\n", " ").split()
    internal = {"fmt-check", "lint", "types", "floors", "prometheus", "browser", "postgresql", "faketime"}

    described = set(re.findall(r"^([a-z0-9-]+):.*##", text, re.MULTILINE))

    assert described == set(phony) - internal


def test_two_router_setup_listens_beyond_loopback_with_tokens() -> None:
    text = (ROOT / "docs" / "RUNNING_TWO.md").read_text()
    exported = dict(re.findall(r"^export ([A-Z_]+)=(\S+)", text, re.MULTILINE))
    [alertmanager] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]

    listen = from_environment({"ALERT_ROUTER_LISTEN": exported["ALERT_ROUTER_LISTEN"]})
    webhooks = alertmanager["receivers"][0]["webhook_configs"]

    assert listen.host not in ("127.0.0.1", "localhost")
    assert "ALERT_ROUTER_INGEST_TOKENS_FILE" in exported
    assert len(webhooks) == 2
    assert all("credentials_file" in webhook["http_config"]["authorization"] for webhook in webhooks)


def test_every_adr_has_its_number_and_sections() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))

    for number, page in enumerate(pages, start=1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
