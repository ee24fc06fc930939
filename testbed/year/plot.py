"""`python -m testbed.year.plot`: draws the picture and writes the document, from the last results."""

import argparse
from pathlib import Path

from testbed.stack import ROOT
from testbed.year import document, picture
from testbed.year.__main__ import MODEL_TYPE, RESULTS, WEEKS
from testbed.year.results import Year

DOCUMENT = ROOT / "docs" / "A_YEAR_IN_PARIS.md"
PICTURE = ROOT / "docs" / "images" / "year.png"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.year.plot", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    results: Path = parser.parse_args().results
    year = Year.model_validate_json(results.read_bytes())
    if is_documented(year):
        picture.save(year, PICTURE)
        DOCUMENT.write_text(document.updated(DOCUMENT.read_text(), year))
        print(f"{PICTURE.relative_to(ROOT)}, {DOCUMENT.relative_to(ROOT)}")
    else:
        beside = results.with_name("year.png")
        picture.save(year, beside)
        print(f"{beside}; the document is not changed: it shows the city's whole year with {MODEL_TYPE}")


def is_documented(year: Year) -> bool:
    return (year.source, year.model_type, len(year.weeks)) == ("city", MODEL_TYPE, WEEKS)


if __name__ == "__main__":
    main()
