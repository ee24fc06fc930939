"""What is wrong with a configuration, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

MAX_LISTED = 15


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    file: str
    """Or the environment variable."""
    line: int
    """From 1, as editors count; 0 where the whole file is meant."""
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class ConfigError(Exception):
    """Everything that was found wrong, in the file's order. Holds no secret."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that calls a word unknown."""
    names = list(known)
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold(), folded, n=1)
    if close:
        return f'; did you mean "{folded[close[0]]}"?'
    return f"; known: {', '.join(names)}" if 0 < len(names) <= MAX_LISTED else ""
