"""What scripts add to the pages: they follow the router, know keys and local time, choose on a chart."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from testbed.browser import crowd, story
from testbed.browser.serving import ServedRouter, serving

pytestmark = pytest.mark.browser

PHONE: ViewportSize = {"width": 390, "height": 844}
WITHIN_PX = 300


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRouter]:
    """29 alerts fire and 200 are over."""
    with serving(tmp_path_factory.mktemp("crowd") / "router.db", story.clock()) as running:
        crowd.play(running)
        yield running


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[ServedRouter]:
    """One alert fires; the test sends what comes next."""
    with serving(tmp_path / "router.db", story.clock()) as running:
        fire(running, "First")
        yield running


def fire(router: ServedRouter, name: str) -> None:
    router.webhook(story.alert(name, "critical", "api", router.clock.now), group={"alertname": name})
    router.settle()


def test_new_alert_appears_without_a_reload_and_focus_stays(browser: Browser, quiet: ServedRouter) -> None:
    page = browser.new_page(base_url=quiet.url)
    page.goto("/")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name="First", exact=True).focus()

    fire(quiet, "Second")

    expect(page.locator(".story")).to_have_count(2)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 firing")
    expect(page.get_by_role("link", name="First", exact=True)).to_be_focused()
    assert page.evaluate("window.sameDocument")
    page.close()


def test_form_in_use_is_left_alone(browser: Browser, quiet: ServedRouter) -> None:
    page = browser.new_page(base_url=quiet.url)
    page.goto("/incidents/1")
    expect(page.locator("#live")).to_have_text("Live")
    page.get_by_label("Your name").fill("Ad")

    crowd.acknowledge(quiet, "First", by="Grace", note="mine")

    expect(page.locator(".timeline")).to_contain_text("Grace: mine")
    expect(page.get_by_label("Your name")).to_have_value("Ad")
    page.close()


def test_keys_walk_the_list_open_search_and_explain(page: Page) -> None:
    page.goto("/alerts")
    names = page.locator(".row .name")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(names.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(names.nth(0)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Text")).to_be_focused()
    page.keyboard.type("j?")
    expect(page.get_by_label("Text")).to_have_value("j?")
    page.keyboard.press("Tab")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_keys_can_be_switched_off_for_good(page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_label("Single keys do this").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()

    page.keyboard.press("j")

    expect(page.locator(".row .name").first).not_to_be_focused()


def test_times_are_local_with_utc_beside_them(browser: Browser, router: ServedRouter) -> None:
    with browser.new_context(base_url=router.url, timezone_id="Asia/Kolkata", locale="en-GB") as context:
        page = context.new_page()
        page.goto("/alerts?alertname=ModelPerformanceCritical")
        expect(page.locator(".row small time")).to_have_text("08:06")

        page.locator(".row .name").click()

        expect(page.locator(".span time").last).to_have_text("08:06 (02:36 UTC)")


def test_time_is_chosen_by_dragging_over_the_histogram(page: Page) -> None:
    page.goto("/alerts?since=24h&source=alertmanager")
    box = page.locator(".histogram svg").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2

    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
    page.mouse.up()

    page.wait_for_url(re.compile("since=2026-12-25T.*until=2026-12-25T"))
    expect(page.get_by_label("Began since")).to_have_value(re.compile("2026-12-25T"))


@pytest.mark.parametrize("address", ["/", "/alerts"])
def test_worst_of_many_is_at_the_top_of_a_phone(
    browser: Browser, crowded: ServedRouter, address: str
) -> None:
    page = browser.new_page(base_url=crowded.url, viewport=PHONE)
    page.goto(address)

    worst = page.locator(".story, .row").first

    box = worst.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= WITHIN_PX
    expect(worst).to_contain_text("critical")
    page.close()


def test_rows_of_a_long_list_are_compact(browser: Browser, crowded: ServedRouter) -> None:
    page = browser.new_page(base_url=crowded.url, viewport={"width": 1280, "height": 800})
    page.goto("/alerts?limit=300")

    heights = page.locator(".row").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")

    assert len(heights) == 29 + crowd.OVER
    assert max(heights) <= 48
    page.close()


def test_pages_of_a_crowd_never_scroll_horizontally(browser: Browser, crowded: ServedRouter) -> None:
    page = browser.new_page(base_url=crowded.url, viewport=PHONE)
    alert_ids = [one["id"] for one in crowded.http.get("/alerts", params={"q": "goes_on"}).json()["alerts"]]

    for address in ("/", "/alerts", "/alerts?group=incident", f"/alerts/{alert_ids[0]}"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
    page.close()


def test_silence_of_the_router_is_said(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "router.db", story.clock()) as running:
        fire(running, "First")
        page = browser.new_page(base_url=running.url)
        page.goto("/")
        expect(page.locator("#live")).to_have_text("Live")

    expect(page.locator("#live")).to_have_text("Reconnecting")
    page.close()


def test_stream_does_not_hold_up_a_stop(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "router.db", story.clock()) as running:
        page = browser.new_page(base_url=running.url)
        page.goto("/operations")
        expect(page.locator("#live")).to_have_text("Live")
        stopped = running.stop_within(timedelta(seconds=5))

    assert stopped
    page.close()
