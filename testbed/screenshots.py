"""Take the screenshots of the documentation, docs/images, from sample alerts.

Run it with the environment of the tests: .venv/bin/python -m testbed.screenshots [--all FOLDER]
--all instead takes every page in light and dark, wide and narrow, into FOLDER.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from testbed.browser import chromium, crowd, story
from testbed.browser.serving import ServedRouter, serving

ROOT = Path(__file__).resolve().parent.parent

IMAGES = ROOT / "docs" / "images"
WIDE, NARROW = 1280, 390
MODEL, ERRORS = "ModelPerformanceCritical", "APIErrorRate"
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Shot:
    name: str
    address: str
    """{alert} and {incident}: of the first alert of `of` that fires."""
    height: int
    width: int = WIDE
    scheme: Scheme = "light"
    of: str = MODEL
    scale: float = 1.0


NIGHT = (
    Shot("alerts", "/alerts", 760, scale=1.5),
    Shot("alert", "/alerts/{alert}", 860, scale=1.5),
    Shot("preview", "/preview", 860, scale=1.5),
)
"""Of the README: one night of the counters."""
CROWD = (
    Shot("history/now", "/", 900),
    Shot("history/now-phone", "/", 844, NARROW, "dark"),
    Shot("history/list", "/alerts", 900),
    Shot("history/list-dark", "/alerts?group=incident", 700, scheme="dark"),
    Shot("history/list-phone", "/alerts", 844, NARROW),
    Shot("history/incident", "/incidents/{incident}", 1000, of=ERRORS),
    Shot("history/incident-phone", "/incidents/{incident}", 844, NARROW, "dark", ERRORS),
    Shot("history/insights", "/insights?since=30d", 1000),
    Shot("history/wrong-filter", "/alerts?since=soon&match=team", 470),
    Shot("history/quarantine", "/quarantine", 560),
)
"""Of docs/HISTORY.md: a bad day on many machines."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    everything: Path | None = parser.parse_args().all
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        with played("crowd") as router:
            take_all(browser, router, everything) if everything else take(browser, router, CROWD)
        if everything is None:
            with played("night") as router:
                take(browser, router, NIGHT)
        browser.close()


@contextmanager
def played(which: Literal["night", "crowd"]) -> Iterator[ServedRouter]:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "r.db", story.clock()) as router:
        (story if which == "night" else crowd).play(router)
        router.http.post("/webhooks/alertmanager", json={"alerts": [{"labels": "none"}]})
        router.summed()
        yield router


def take(browser: Browser, router: ServedRouter, shots: tuple[Shot, ...]) -> None:
    for shot in shots:
        with browser.new_context(
            base_url=router.url,
            viewport={"width": shot.width, "height": shot.height},
            color_scheme=shot.scheme,
            device_scale_factor=shot.scale,
        ) as context:
            page = context.new_page()
            page.goto(address_of(router, shot))
            save(page, shot.name)


def address_of(router: ServedRouter, shot: Shot) -> str:
    if "{" not in shot.address:
        return shot.address
    first = router.http.get("/alerts", params={"alertname": shot.of, "status": "firing"}).json()["alerts"][0]
    return shot.address.format(alert=first["id"], incident=first["incident_id"])


def save(page: Page, name: str) -> None:
    path = IMAGES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")


def take_all(browser: Browser, router: ServedRouter, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    addresses = {shot.name.rpartition("/")[2]: address_of(router, shot) for shot in (*NIGHT, *CROWD)} | {
        "operations": "/operations",
        "dead-letters": "/dead-letters",
        "acts": "/acts",
        "preview": "/preview",
        "api": "/docs",
        "empty": "/alerts?q=nothing-is-like-this",
        "error": "/incidents/999999",
    }
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        for width in (WIDE, NARROW):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for name, address in addresses.items():
                page.goto(router.url + address)
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)


if __name__ == "__main__":
    main()
