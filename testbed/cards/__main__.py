"""Take the pictures of docs/CARDS.md: python -m testbed.cards [--into FOLDER]."""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from testbed.browser import chromium
from testbed.cards import gallery

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images" / "cards"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.cards", description=__doc__)
    parser.add_argument("--into", type=Path, default=IMAGES, metavar="FOLDER")
    folder: Path = parser.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for path in gallery.take(browser, folder):
            print(f"{path.name}: {path.stat().st_size // 1024} KiB")
        browser.close()


if __name__ == "__main__":
    main()
