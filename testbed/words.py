"""Finds the private words of this repository's past, each of which has a standard term instead.

Text (code, comments, pages, documents) may not contain them as words; names of modules, classes, functions,
arguments and variables not even as a part. `python -m testbed.words [PATH ...]` lists where they are.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEMS: Mapping[str, str] = {
    "acknowledg+ing": "acknowledge",
    "boo+ks": "unit of work, ledger",
    "clock+work": "fake clock",
    "couri+er": "delivery worker",
    "deto+ur": "fallback",
    "doo+r": "auth, ingest",
    "hind+sight": "evaluation",
    "hou+se": "router harness, supervisor",
    "mal+formed": "invalid",
    "mis+hap": "fault",
    "occasi+on": "calendar event",
    "of our+s": "the thing's name",
    "pac+e": "rate limit, quota, interval",
    "pac+er": "rate limiter",
    "settleme+nt": "outcome",
    "she+lf": "identity map",
    "stand-+in": "fake",
    "striki+ng": "fault injection",
    "surv+ey": "poller",
    "time+keeping": "timers",
    "tol+d": "notified, reported, sent, shown",
    "verdi+ct": "response, classification",
    "wis+h": "card request",
}
"""To the standard term; with a + inside, so that a plain search for the words finds none."""
NAMES_ONLY: Mapping[str, str] = {"mean+ing": "event signals"}
"""English words that only as names were private."""
ALLOWED: Mapping[str, Sequence[str]] = {
    # The table's name stays: the databases in use have it.
    "alert_router/store/tables.py": ('"paces"',),
    "testbed/words.py": ("paces",),
    "tests/component/test_migrations.py": ('"paces"',),
    "tests/docs/test_words.py": ("paces",),
}
"""Phrases in which a word may stand, by file."""
SKIPPED = (
    "CHANGELOG.md",
    "docs/adr/",
    "migrations/versions/",
    "requirements/",
    "tests/component/databases/",
)
"""History, and files of others."""
MAX_PREFIX = re.compile(r"\bMOST_[A-Z]|[A-Z]_MOST\b")


def joined(stems: Iterable[str]) -> list[str]:
    return [stem.replace("+", "") for stem in stems]


def plural(word: str) -> str:
    """A regular expression for the word and its plural."""
    return re.escape(word).replace(r"\-", "-?") + "(?:s|es)?"


TEXT = re.compile(rf"(?<![\w-])(?:{'|'.join(map(plural, joined(STEMS)))})(?![\w-])", re.IGNORECASE)
NAME_PARTS = frozenset(
    word.replace("-", "") + ending for word in joined([*STEMS, *NAMES_ONLY]) for ending in ("", "s", "es")
)


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
