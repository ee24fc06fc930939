"""axe-core, the standard checker of WCAG, finds nothing on any page: a light desktop and a dark phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from testbed.browser import crowd, story
from testbed.browser.serving import ServedRouter, serving

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "tags => axe.run({runOnly: tags})"
ADDRESSES = (
    *("/", "/alerts", "/alerts?group=incident", "/alerts?since=soon", "/alerts/1", "/incidents/1"),
    *("/insights", "/operations", "/quarantine", "/dead-letters", "/acts", "/preview", "/docs"),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRouter]:
    with serving(tmp_path_factory.mktemp("axe") / "router.db", story.clock()) as running:
        crowd.play(running)
        running.http.post("/webhooks/alertmanager", json={"alerts": [{"labels": 1}]})
        yield running


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(browser: Browser, served: ServedRouter, scheme: Any, width: int) -> None:
    # The script is put into the page from outside; the pages' own policy is tested elsewhere.
    with browser.new_context(
        base_url=served.url, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    ) as context:
        page = context.new_page()

        found = {address: violations(page, address) for address in ADDRESSES}

    assert {address: own for address, own in found.items() if own} == {}


def violations(page: Page, address: str) -> list[str]:
    page.goto(address)
    page.add_script_tag(content=AXE)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in page.evaluate(RUN, TAGS)["violations"]
        for node in one["nodes"]
    ]


def test_axe_would_find_something(browser: Browser, served: ServedRouter) -> None:
    with browser.new_context(base_url=served.url, bypass_csp=True) as context:
        page = context.new_page()
        page.goto("/")
        page.evaluate("document.querySelector('main').append(document.createElement('input'))")
        page.add_script_tag(content=AXE)

        found = page.evaluate(RUN, TAGS)["violations"]

    assert "label" in [one["id"] for one in found]
