"""A real Chromium in front of a real router with one night's story in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from testbed import real_parts
from testbed.browser import chromium, story
from testbed.browser.serving import House, serving

PATIENCE_MS = 5000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not chromium.EXECUTABLE.exists():
        real_parts.missing(f"{chromium.EXECUTABLE} (Debian: chromium)")
    with sync_playwright() as playwright:
        launched = chromium.launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tmp_path_factory.mktemp("night") / "router.db", story.clock()) as running:
        story.tell(running)
        yield running


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    """A fresh visitor. What the console complains of, and every violation of the CSP, fails the test."""
    with browser.new_context(base_url=house.url) as context:
        opened = context.new_page()
        opened.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        assert complaints == []


@pytest.fixture
def plain_page(browser: Browser, house: House) -> Iterator[Page]:
    """The same without scripts."""
    with browser.new_context(base_url=house.url, java_script_enabled=False) as context:
        opened = context.new_page()
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
