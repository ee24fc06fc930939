"""Where the benchmarks take their counts from, and the places of docs/MODEL.md they write to."""

import re
from collections.abc import Sequence
from pathlib import Path

from backend.regmodel.data.counts import Counts
from backend.regmodel.data.files import read_folder
from backend.regmodel.data.generated import generated_year

ROOT = Path(__file__).parents[3]
CITY = ROOT.parent / "shared" / "data"
"""The city's counts, where they are at hand."""
DOCUMENT = ROOT / "docs" / "MODEL.md"


class PlaceMissing(Exception):
    """The document has lost a place for what is measured."""


def counts(folder: Path) -> Counts:
    """The generated year where the folder is not there."""
    return read_folder(folder) if folder.is_dir() else generated_year()


def write(name: str, lines: Sequence[str], folder: Path) -> None:
    """Only what was measured on the city's counts is documented."""
    if not folder.is_dir():
        print(f"{folder} is not there: measured on the generated year, which is not documented")  # noqa: T201
        return
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), name, lines))


def replaced(text: str, name: str, lines: Sequence[str]) -> str:
    """Raises PlaceMissing."""
    block = "\n".join(lines)
    changed, found = _place(name).subn(lambda place: f"{place[1]}\n\n{block}\n\n{place[3]}", text)
    if found != 1:
        raise PlaceMissing(f"the place for {name} is there {found} times")
    return changed


def standing(text: str, name: str) -> list[str]:
    """The lines that stand in a place. Raises PlaceMissing."""
    found = _place(name).search(text)
    if found is None:
        raise PlaceMissing(f"there is no place for {name}")
    return found[2].strip().splitlines()


def _place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- measured: {name} -->)(.*?)(<!-- end -->)", re.DOTALL)
