"""A real Chromium in front of a real router with one night of alerts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from testbed import real_parts
from testbed.browser import chromium, story
from testbed.browser.serving import ServedRouter, serving

TIMEOUT_MS = 5000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not chromium.EXECUTABLE.exists():
        real_parts.missing(f"{chromium.EXECUTABLE} (Debian: chromium)")
    with sync_playwright() as playwright:
        launched = chromium.launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRouter]:
    with serving(tmp_path_factory.mktemp("night") / "router.db", story.clock()) as running:
        story.play(running)
        yield running


@pytest.fixture
def page(browser: Browser, router: ServedRouter) -> Iterator[Page]:
    """A new browser context. Console messages, page errors and CSP violations fail the test."""
    with browser.new_context(base_url=router.url) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        yield page
        assert messages == []


@pytest.fixture
def plain_page(browser: Browser, router: ServedRouter) -> Iterator[Page]:
    """The same with scripts disabled."""
    with browser.new_context(base_url=router.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        yield page
