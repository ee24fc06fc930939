"""The pages in a real browser, with and without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from testbed.browser.serving import ServedRouter

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=\'hurt\'"><script>document.title="hurt"</script>'
FOCUSED = """
  [document.activeElement, document.activeElement.closest(".row")].filter(Boolean).map(
    node => getComputedStyle(node).outlineStyle
  ).concat([document.activeElement.outerHTML])
"""
"""A row shows the focus of its name around all of it."""
ADDRESSES = (
    *("/", "/alerts", "/alerts?group=incident", "/alerts/1", "/incidents/1", "/insights"),
    *("/operations", "/quarantine", "/dead-letters", "/acts", "/preview"),
)


def rows(page: Page) -> list[str]:
    return page.locator(".row .name").all_inner_texts()


def filter_by_clicking(page: Page) -> None:
    """To firing critical alerts of rf."""
    page.goto("/alerts")
    page.get_by_role("link", name="3 critical").click()
    page.locator(".row").first.get_by_role("link").first.click()
    page.locator("#labels").get_by_role("link", name="rf", exact=True).click()


def test_counts_labels_and_chips_add_and_remove_filters(page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("link", name="3 critical").click()
    sentence = page.locator(".sentence")
    expect(sentence).to_have_text("Firing critical alerts, worst first")
    assert rows(page) == ["ModelPerformanceCritical", "TrainingFailure", "TrainingFailure"]

    page.get_by_role("link", name="Remove the filter severity: critical").click()
    expect(sentence).to_have_text("Firing alerts, worst first")
    page.get_by_role("link", name="Clear filters").click()
    expect(sentence).to_have_text("All alerts, worst first")


def test_form_filters_and_keeps_its_values(page: Page) -> None:
    page.goto("/alerts?match=component%3D%22api%22")
    page.get_by_label("Status").select_option("resolved")
    page.get_by_label("Began since").fill("7d")
    page.get_by_label("Text").fill("callers")

    page.get_by_role("button", name="Show").click()

    expect(page.get_by_label("Text")).to_have_value("callers")
    expect(page.get_by_label("Labels")).to_have_value('component="api"')
    expect(page.locator(".sentence")).to_contain_text('with component="api" containing “callers”')
    assert rows(page) == ["APIErrorRate"] * 3


def test_wrong_filter_keeps_the_form_and_says_what_is_wrong(plain_page: Page) -> None:
    page = plain_page
    page.goto("/alerts")
    page.get_by_label("Began since").fill("soon")
    page.get_by_label("Text").fill("disk")

    with page.expect_response("**/alerts?**") as answer:
        page.get_by_role("button", name="Show").click()

    assert answer.value.status == 400
    expect(page.get_by_label("Began since")).to_have_accessible_description(re.compile("must be a time"))
    expect(page.get_by_label("Text")).to_have_value("disk")
    assert rows(page) == []


def test_paging_to_further_alerts_and_back(page: Page) -> None:
    page.goto("/alerts?limit=5")
    first = rows(page)

    page.get_by_role("link", name="Further alerts").click()
    assert len(rows(page)) >= 5
    page.get_by_role("link", name="Back to the top").click()

    assert rows(page) == first


def test_alert_page_tells_its_story_and_the_next_steps(page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("link", name="ModelPerformanceCritical").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("ModelPerformanceCritical")
    expect(page.locator(".span")).to_have_text(re.compile("Firing for 36 min, since 02:36 UTC"))
    expect(page.get_by_label("Next steps").get_by_role("link", name="Runbook")).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    titles = page.locator(".timeline strong").all_inner_texts()
    assert titles[0] == "Began, says Prometheus"
    assert {"Message posted in preview", "Updated"} <= set(titles)
    expect(page.locator(".discord")).to_contain_text("ModelPerformanceCritical")


def test_incident_is_acknowledged_and_taken_back(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Acknowledge DiskWillFillIn4Hours").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Note").fill("making room")
    page.get_by_label("For", exact=True).select_option("1 hour")
    page.get_by_role("button", name="Acknowledge").click()

    expect(page.locator(".owner")).to_contain_text("Ada has it since 03:12 UTC until 04:12 UTC: making room")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".owner")).to_have_text("Nobody has it.")
    page.goto("/acts")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_training_failure_from_two_sources_is_one_card(page: Page) -> None:
    page.goto("/preview")

    card = page.locator(".discord").filter(has_text="TrainingFailure")

    expect(card).to_have_count(1)
    expect(card.locator(".embed-title")).to_contain_text("🔴 critical · TrainingFailure")
    expect(card).to_contain_text("Prometheus, Airflow monitor_and_fine_tune")
    expect(card.locator(".edited")).to_have_text("(edited)")
    expect(card.get_by_role("link", name="Open")).to_be_visible()
    bar = card.locator(".embed").evaluate("embed => getComputedStyle(embed).borderLeftColor")
    assert bar == "rgb(229, 72, 77)"


def test_relative_times_keep_counting(page: Page) -> None:
    page.clock.install()
    page.goto("/alerts")
    age = page.locator(".row", has_text="ModelPerformanceCritical").locator("[data-words=for]")
    expect(age).to_have_text("36 min")

    page.clock.fast_forward("01:00:00")

    expect(age).to_have_text("1 h 36 min")


def test_every_control_is_reachable_by_keyboard_with_visible_focus(page: Page) -> None:
    page.goto("/alerts?status=firing")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    controls = page.locator("a:visible, button:visible, input:visible, select:visible").count()

    reached = set()
    for _ in range(controls + 5):
        *outlines, html = page.evaluate(FOCUSED)
        reached.add(html)
        assert set(outlines) != {"none"} or html.startswith("<body")
        page.keyboard.press("Tab")

    alerts = page.locator(".row .name")
    assert set(alerts.evaluate_all("links => links.map(link => link.outerHTML)")) <= reached
    assert page.get_by_role("button", name="Show").evaluate("button => button.outerHTML") in reached


def test_pages_work_without_scripts(plain_page: Page) -> None:
    page = plain_page
    filter_by_clicking(page)
    expect(page.locator(".sentence")).to_have_text('All alerts with model_type="rf", worst first')

    page.goto("/preview")
    expect(page.locator(".discord")).to_have_count(9)
    page.goto("/")
    expect(page.locator(".story").first).to_contain_text("36 min")
    expect(page.locator("#live")).to_be_empty()
    expect(page.get_by_role("button", name="Keyboard")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_scrolls_horizontally(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})

    for address in ADDRESSES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_filter_form_is_collapsed_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/alerts")

    expect(page.get_by_label("Severity", exact=True)).to_be_hidden()
    expect(page.locator(".row").first).to_be_in_viewport(ratio=1)
    page.get_by_text("Filter", exact=True).click()
    expect(page.get_by_label("Severity", exact=True)).to_be_visible()


def test_hostile_alert_is_inert_in_a_browser(page: Page, router: ServedRouter) -> None:
    hostile = {
        "status": "resolved",
        "labels": {"alertname": HOSTILE, "severity": "info", "x": HOSTILE},
        "annotations": {"summary": HOSTILE, "description": HOSTILE, "runbook_url": "javascript:alert(1)"},
        "startsAt": "2026-12-20T00:00:00Z",
        "endsAt": "2026-12-20T00:01:00Z",
        "generatorURL": "javascript:alert(1)",
    }
    router.webhook(hostile, group={"alertname": "hostile"})
    router.settle()
    (alert,) = router.http.get("/alerts", params={"q": "onerror"}).json()["alerts"]

    for address in ("/alerts?q=onerror", f"/alerts/{alert['id']}", "/preview", "/"):
        page.goto(address)
        assert page.title() != "hurt"
        assert page.locator("img").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0


def test_content_security_policy_blocks_inline_handlers(browser: Browser, router: ServedRouter) -> None:
    with browser.new_context(base_url=router.url) as context:
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
