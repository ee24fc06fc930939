"""Finds the private words of this repository's past, each of which has a standard term instead.

Text (code, comments, pages, documents) may not contain them as words; names of modules, classes, functions,
arguments and variables not even as a part. `python -m testbed.words [PATH ...]` lists where they are.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TERMS: Mapping[str, str] = {
    "acknowledging": "acknowledge",
    "books": "unit of work, ledger",
    "clockwork": "fake clock",
    "courier": "delivery worker",
    "detour": "fallback",
    "door": "auth, ingest",
    "hindsight": "evaluation",
    "house": "router harness, supervisor",
    "malformed": "invalid",
    "mishap": "fault",
    "occasion": "calendar event",
    "of ours": "the thing's name",
    "pace": "rate limit, quota, interval",
    "pacer": "rate limiter",
    "settlement": "outcome",
    "shelf": "identity map",
    "stand-in": "fake",
    "striking": "fault injection",
    "survey": "poller",
    "timekeeping": "timers",
    "told": "notified, reported, sent, shown",
    "verdict": "response, classification",
    "wish": "card request",
}
NAMES_ONLY: Mapping[str, str] = {"meaning": "event signals"}
"""English words that only as names were private."""
ALLOWED: Mapping[str, Sequence[str]] = {
    # The table's name stays: the databases in use have it.
    "alert_router/store/tables.py": ('"paces"',),
    "alert_router/store/rate_limits.py": ('"paces"',),
    "tests/component/test_migrations.py": ('"paces"',),
    # The texts of the city's API.
    "testbed/fakes/paris/queries.py": ("is malformed",),
}
"""Phrases in which a word may stand, by file."""
SKIPPED = (
    "CHANGELOG.md",
    "docs/adr/",
    "migrations/versions/",
    "requirements/",
    "testbed/words.py",
    "tests/component/databases/",
    "tests/docs/test_words.py",
)
"""History, files of others, and the list itself."""
MAX_PREFIX = re.compile(r"\bMOST_[A-Z]|[A-Z]_MOST\b")


def plural(word: str) -> str:
    """A regular expression for the word and its plural."""
    return re.escape(word).replace(r"\-", "-?") + "(?:s|es)?"


TEXT = re.compile(rf"(?<![\w-])(?:{'|'.join(map(plural, TERMS))})(?![\w-])", re.IGNORECASE)
NAME_PARTS = frozenset(
    form for word in [*TERMS, *NAMES_ONLY] for form in (word, f"{word}s", f"{word}es") if word.isalpha()
) | {"standin", "standins"}


def findings(root: Path, paths: Sequence[str]) -> Iterator[str]:
    """One line for each private word in these files, which are named from the root."""
    for path in paths:
        if path.startswith(SKIPPED):
            continue
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            continue  # a picture
        yield from (f"{path}:{number}: {word}" for number, word in _in_text(text, ALLOWED.get(path, ())))
        yield from (f"{path}: the name {name}" for name in _names(path, text) if not is_standard(name))


def is_standard(name: str) -> bool:
    """Whether no part of a snake_case or CamelCase name is a private word."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return NAME_PARTS.isdisjoint(part.lower() for part in parts) and not MAX_PREFIX.search(name)


def tracked_files(root: Path = ROOT) -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.splitlines() if (root / path).exists()]


def _in_text(text: str, allowed: Sequence[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line
        for phrase in allowed:
            rest = rest.replace(phrase, "")
        yield from ((number, match[0]) for match in TEXT.finditer(rest))


def _names(path: str, text: str) -> Iterator[str]:
    yield Path(path).stem
    if not path.endswith(".py"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


if __name__ == "__main__":
    lines = list(findings(ROOT, sys.argv[1:] or tracked_files()))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(bool(lines))
