"""`python -m testbed.year.plot`: the picture and the document, from the results of the last run."""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from testbed.browser import chromium
from testbed.stack import ROOT
from testbed.year import document, picture
from testbed.year.__main__ import MODEL_TYPE, RESULTS, WEEKS
from testbed.year.frame import WIDTH
from testbed.year.results import Year

DOCUMENT = ROOT / "docs" / "A_YEAR_IN_PARIS.md"
PICTURE = ROOT / "docs" / "images" / "year.png"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.year.plot", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    results: Path = parser.parse_args().results
    year = Year.model_validate_json(results.read_bytes())
    if is_documented(year):
        draw(year, PICTURE)
        DOCUMENT.write_text(document.brought_up_to_date(DOCUMENT.read_text(), year))
        print(f"{PICTURE.relative_to(ROOT)}, {DOCUMENT.relative_to(ROOT)}")
    else:
        beside = results.with_name("year.png")
        draw(year, beside)
        print(f"{beside}; the documents stay: they tell of the city's whole year, by {MODEL_TYPE}")


def is_documented(year: Year) -> bool:
    return (year.source, year.model_type, len(year.weeks)) == ("city", MODEL_TYPE, WEEKS)


def draw(year: Year, path: Path) -> None:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, device_scale_factor=1.5)
        page.set_content(f'<body style="margin:0">{picture.drawn(year)}</body>')
        page.locator("svg").screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main()
