"""A person acts from a card, in a real browser."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alert_router.store import preview
from alert_router.store.engine import open_store
from testbed.browser import story
from testbed.browser.serving import ServedRouter, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "router.db"


def signed_link(database: Path, label: str) -> str:
    """As the message in Discord has it: pages show no signature."""
    with closing(open_store(f"sqlite:///{database}")) as store, store.read() as conn:
        [card] = preview.latest(conn, 1)
    buttons = [button for row in card.body["components"] for button in row["components"]]
    [url] = [str(button["url"]) for button in buttons if button["label"] == label]
    return url


@pytest.fixture
def router(database: Path) -> Iterator[ServedRouter]:
    """Of its own: acting changes it."""
    with serving(database, story.clock()) as running:
        alert = story.alert("ApiDown", "critical", "api", running.clock.now, summary="The API is down")
        running.webhook(alert, group={"alertname": "ApiDown"})
        running.settle()
        yield running


def test_link_opens_a_page_and_its_button_acknowledges(
    page: Page, router: ServedRouter, database: Path
) -> None:
    page.goto(signed_link(database, "Acknowledge"))
    expect(page.get_by_role("heading", level=1)).to_have_text("ApiDown")
    expect(page.locator(".lead")).to_contain_text("Nothing has changed yet.")

    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Note").fill("on it")
    page.get_by_label("For how long").select_option("4 hours")
    page.get_by_role("button", name="Acknowledge").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Acknowledged")
    router.settle()
    page.goto("/preview")
    expect(page.locator("main")).to_contain_text("Ada")

    page.goto(signed_link(database, "Take back"))
    expect(page.get_by_label("Your name")).to_have_value("Ada")
    page.get_by_role("button", name="Take back the acknowledgement").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No longer acknowledged")


def test_page_of_a_link_works_without_scripts(browser: Browser, router: ServedRouter, database: Path) -> None:
    with browser.new_context(base_url=router.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(signed_link(database, "Acknowledge"))
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Acknowledge").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Acknowledged")
        page.go_back()
        page.reload()
        expect(page.locator(".lead")).to_contain_text("This link was used: Ada acknowledged it just now.")
