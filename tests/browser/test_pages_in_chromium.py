"""The pages as people use them: clicking, typing, reading, with and without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from testbed.browser.serving import House

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=\'hurt\'"><script>document.title="hurt"</script>'
FOCUSED = "[document.activeElement.outerHTML, getComputedStyle(document.activeElement).outlineStyle]"
ADDRESSES = ("/", "/alerts", "/alerts/1", "/preview")


def rows(page: Page) -> list[str]:
    return page.locator(".alert h3").all_inner_texts()


def narrow_down(page: Page) -> None:
    """To what fires and is critical for rf, as a person would."""
    page.goto("/alerts")
    page.get_by_role("link", name="3 critical").click()
    page.locator(".alert").first.get_by_role("link", name="model_type=rf").click()


def test_clicking_a_count_and_a_label_narrows_the_history_and_removing_chips_widens_it(page: Page) -> None:
    narrow_down(page)

    sentence = page.locator(".sentence")
    expect(sentence).to_have_text('Firing critical alerts with model_type="rf", newest first')
    assert rows(page) == ["ModelPerformanceCritical", "TrainingFailure", "TrainingFailure"]

    page.get_by_role("link", name="Remove the filter severity: critical").click()
    expect(sentence).to_have_text('Firing alerts with model_type="rf", newest first')
    page.get_by_role("link", name="Clear filters").click()
    expect(sentence).to_have_text("All alerts, newest first")


def test_the_form_asks_and_keeps_what_was_asked(page: Page) -> None:
    page.goto("/alerts?match=component%3D%22api%22")
    page.get_by_label("Status").select_option("resolved")
    page.get_by_label("Begun in").select_option("last 7 days")
    page.get_by_label("Label", exact=True).fill("job=regmodel")
    page.get_by_label("Text").fill("callers")

    page.get_by_role("button", name="Show").click()

    expect(page.get_by_label("Text")).to_have_value("callers")
    expect(page.locator(".sentence")).to_contain_text('component="api" and job="regmodel"')
    assert rows(page) == ["APIErrorRate"] * 3


def test_a_filter_that_makes_no_sense_is_an_error_that_names_it(plain_page: Page) -> None:
    page = plain_page
    page.goto("/alerts")
    page.get_by_label("Label", exact=True).fill("no matcher at all")

    with page.expect_response("**/alerts?**") as answer:
        page.get_by_role("button", name="Show").click()

    assert answer.value.status == 400
    expect(page.get_by_role("heading", level=1)).to_have_text("Bad Request")
    expect(page.locator("dd")).to_contain_text("is not a matcher")


def test_older_pages_are_reached_and_left_again(page: Page) -> None:
    page.goto("/alerts?limit=5")
    newest = rows(page)

    page.get_by_role("link", name="Older alerts").click()
    assert len(rows(page)) == 5
    page.get_by_role("link", name="Back to the newest").click()

    assert rows(page) == newest


def test_an_alert_opens_with_its_story_and_the_next_step(page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("link", name="ModelPerformanceCritical").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("ModelPerformanceCritical")
    expect(page.locator(".span")).to_have_text(re.compile("Firing for 36 min, since 02:36 UTC"))
    expect(page.get_by_role("link", name="Runbook", exact=True)).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    assert page.locator(".timeline strong").all_inner_texts() == ["Began to fire", "Said something new"]
    assert page.locator("tbody tr").count() == 2


def test_one_training_failure_seen_by_two_is_one_card(page: Page) -> None:
    page.goto("/preview")

    card = page.locator(".discord").filter(has_text="TrainingFailure")

    expect(card).to_have_count(1)
    expect(card.locator(".embed-title")).to_contain_text("🔴 TrainingFailure")
    expect(card).to_contain_text("Prometheus, Airflow monitor_and_fine_tune")
    expect(card.locator(".edited")).to_have_text("(edited)")
    expect(card.get_by_role("link", name="History")).to_be_visible()
    bar = card.locator(".embed").evaluate("embed => getComputedStyle(embed).borderLeftColor")
    assert bar == "rgb(229, 72, 77)"


def test_times_keep_counting(page: Page) -> None:
    page.clock.install()
    page.goto("/alerts")
    age = page.locator(".alert", has_text="ModelPerformanceCritical").locator("[data-words=for]")
    expect(age).to_have_text("36 min")

    page.clock.fast_forward("01:00:00")

    expect(age).to_have_text("1 h 36 min")


def test_a_page_reloads_by_itself_when_asked_to_and_remembers_it(page: Page) -> None:
    page.clock.install()
    page.goto("/alerts")
    page.get_by_role("button", name="Auto-reload off").click()
    expect(page.get_by_role("button", name="Auto-reload on")).to_have_attribute("aria-pressed", "true")

    with page.expect_navigation():
        page.clock.fast_forward(16_000)

    expect(page.get_by_role("button", name="Auto-reload on")).to_be_visible()


def test_everything_is_reached_by_keyboard_and_seen_to_be(page: Page) -> None:
    page.goto("/alerts?status=firing")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    wanted = page.locator("a:visible, button:visible, input:visible, select:visible").count()

    reached = set()
    for _ in range(wanted + 5):
        html, outline = page.evaluate(FOCUSED)
        reached.add(html)
        assert outline != "none" or html.startswith("<body")
        page.keyboard.press("Tab")

    alerts = page.locator(".alert h3 a")
    assert set(alerts.evaluate_all("links => links.map(link => link.outerHTML)")) <= reached
    assert page.get_by_role("button", name="Show").evaluate("button => button.outerHTML") in reached


def test_without_scripts_everything_works(plain_page: Page) -> None:
    narrow_down(plain_page)
    plain_page.get_by_role("link", name="ModelPerformanceCritical").click()

    expect(plain_page.locator(".span")).to_contain_text("Firing for 36 min")
    plain_page.get_by_role("link", name="Preview").click()
    expect(plain_page.locator(".discord")).to_have_count(7)
    expect(plain_page.get_by_role("button", name="Auto-reload")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_is_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})

    for address in ADDRESSES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_on_a_phone_the_alerts_come_before_the_form(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/alerts")

    expect(page.get_by_label("Severity")).to_be_hidden()
    expect(page.locator(".alert").first).to_be_in_viewport(ratio=1)
    page.get_by_text("Filter", exact=True).click()
    expect(page.get_by_label("Severity")).to_be_visible()


def test_a_hostile_alert_does_nothing_in_a_browser(page: Page, house: House) -> None:
    alert = {
        "status": "resolved",
        "labels": {"alertname": HOSTILE, "severity": "info", "x": HOSTILE},
        "annotations": {"summary": HOSTILE, "description": HOSTILE, "runbook_url": "javascript:alert(1)"},
        "startsAt": "2026-12-20T00:00:00Z",
        "endsAt": "2026-12-20T00:01:00Z",
        "generatorURL": "javascript:alert(1)",
    }
    house.webhook(alert, group={"alertname": "hostile"})
    house.settle()
    (found,) = house.http.get("/alerts", params={"q": "onerror"}).json()["alerts"]

    for address in ("/alerts?q=onerror", f"/alerts/{found['id']}", "/preview", "/"):
        page.goto(address)
        assert page.title() != "hurt"
        assert page.locator("img").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0


def test_a_policy_stands_behind_the_escaping(browser: Browser, house: House) -> None:
    with browser.new_context(base_url=house.url) as context:
        page = context.new_page()
        blocked: list[str] = []
        page.on("console", lambda message: blocked.append(message.text))
        page.goto("/alerts")

        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', `<img src=x onerror=\"document.title='hurt'\">`)"
        )
        page.wait_for_function("() => document.images[0].complete")

        assert page.title() != "hurt"
        assert any("Content Security Policy" in text for text in blocked)
