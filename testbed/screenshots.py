"""Take the screenshots of the documentation, docs/images/{alerts,alert,preview}.png, from sample alerts.

Run it with the environment of the tests: .venv/bin/python -m testbed.screenshots [--all FOLDER]
--all instead takes every page in light and dark, wide and narrow, into FOLDER.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from testbed.browser import chromium, story
from testbed.browser.serving import ServedRouter, serving

ROOT = Path(__file__).resolve().parent.parent

IMAGES = ROOT / "docs" / "images"
WIDE, NARROW = 1280, 390
HEIGHTS = {"alerts": 960, "alert": 860, "preview": 690}
FIRING_AND_RESOLVED = ("Message of incident 5", "Message of incident 4")
"""Side by side on the page: one from two sources, one resolved."""
MARGIN = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    everything: Path | None = parser.parse_args().all
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "night.db", story.clock()) as router,
        sync_playwright() as playwright,
    ):
        story.play(router)
        browser = chromium.launch(playwright)
        take_all(browser, router, everything) if everything else take_shown(browser, router)
        browser.close()


def addresses(router: ServedRouter) -> dict[str, str]:
    page = router.http.get("/alerts", params={"alertname": "ModelPerformanceCritical"}).json()
    return {"alerts": "/alerts", "alert": f"/alerts/{page['alerts'][0]['id']}", "preview": "/preview"}


def take_shown(browser: Browser, router: ServedRouter) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(device_scale_factor=2)
    for name, address in addresses(router).items():
        page.set_viewport_size({"width": WIDE, "height": HEIGHTS[name]})
        page.goto(router.url + address)
        path = IMAGES / f"{name}.png"
        page.screenshot(
            path=path, full_page=name == "preview", clip=around(page) if name == "preview" else None
        )
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


def around(page: Page) -> FloatRect:
    """The part of the page that holds the two cards."""
    boxes = [page.get_by_label(label).bounding_box() for label in FIRING_AND_RESOLVED]
    left, right = (box for box in boxes if box is not None)
    width = right["x"] + right["width"] - left["x"]
    height = max(left["height"], right["height"])
    return {
        "x": left["x"] - MARGIN,
        "y": left["y"] - MARGIN,
        "width": width + 2 * MARGIN,
        "height": height + 2 * MARGIN,
    }


def take_all(browser: Browser, router: ServedRouter, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pages = addresses(router) | {
        "landing": "/",
        "error": "/alerts?status=maybe&since=soon",
        "empty": "/alerts?q=nothing-is-like-this",
        "filtered": '/alerts?status=firing&severity=critical&since=24h&match=model_type%3D"rf"',
    }
    for scheme in ("light", "dark"):
        for width in (WIDE, NARROW):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for name, address in pages.items():
                page.goto(router.url + address)
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)


if __name__ == "__main__":
    main()
