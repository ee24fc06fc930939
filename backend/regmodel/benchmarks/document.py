"""The benchmarks' counts, and the marked blocks of docs/MODEL.md they write."""

import re
from collections.abc import Sequence
from pathlib import Path

from backend.regmodel.data.counts import Counts
from backend.regmodel.data.files import read_folder
from backend.regmodel.data.generated import generated_year

ROOT = Path(__file__).parents[3]
CITY = ROOT.parent / "shared" / "data"
"""The city's counts; may be absent."""
DOCUMENT = ROOT / "docs" / "MODEL.md"


class BlockMissing(Exception):
    """The document lacks the marked block of a benchmark."""


def counts(folder: Path) -> Counts:
    """The generated year when the folder is absent."""
    return read_folder(folder) if folder.is_dir() else generated_year()


def write(name: str, lines: Sequence[str], folder: Path) -> None:
    """Document measurements on the city's counts only."""
    if not folder.is_dir():
        print(f"{folder} is absent: measured on the generated year, which is not documented")  # noqa: T201
        return
    DOCUMENT.write_text(replace_block(DOCUMENT.read_text(), name, lines))


def replace_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Raises BlockMissing."""
    block = "\n".join(lines)
    changed, count = _block(name).subn(lambda match: f"{match[1]}\n\n{block}\n\n{match[3]}", text)
    if count != 1:
        raise BlockMissing(f"the block {name} is there {count} times")
    return changed


def read_block(text: str, name: str) -> list[str]:
    """The lines of a block. Raises BlockMissing."""
    match = _block(name).search(text)
    if match is None:
        raise BlockMissing(f"there is no block {name}")
    return match[2].strip().splitlines()


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- measured: {name} -->)(.*?)(<!-- end -->)", re.DOTALL)
