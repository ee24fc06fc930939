"""Cards as a browser draws them."""

import pytest
from playwright.sync_api import Browser

from alert_router.domain.model import CardState, DigestState
from testbed.cards import gallery, states

pytestmark = pytest.mark.browser

MAX_HEIGHT = 900
CARDS: dict[str, CardState | DigestState] = {" ".join(key): card for key, card in states.cards().items()}
CARDS["digest"] = states.digest()


def test_no_card_is_higher_than_900_pixels_on_a_desktop(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": gallery.DESKTOP, "height": 100})

    heights = {}
    for name, card in CARDS.items():
        page.set_content(gallery.page_of(gallery.rendered(card)))
        heights[name] = page.locator(".discord").evaluate("card => card.offsetHeight")

    page.close()
    assert {name: height for name, height in heights.items() if height > MAX_HEIGHT} == {}


@pytest.mark.parametrize("width", [gallery.DESKTOP, gallery.PHONE])
def test_no_card_scrolls_sideways(browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 100})

    wide = []
    for name, card in CARDS.items():
        page.set_content(gallery.page_of(gallery.rendered(card)))
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(name)

    page.close()
    assert wide == []
