"""The plan as it stands: each ticked line names files that exist and a test that shows it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "docs" / "phase4_monitoring_implementation.md"
DONE, OPEN = "- [x] ", "- [ ] "
LINES = [line for line in PLAN.read_text().splitlines() if line.startswith((DONE, OPEN))]
TICKED = [line.removeprefix(DONE) for line in LINES if line.startswith(DONE)]
TEST = re.compile(r"`([\w/.]+\.py)::(\w+)`")
FILE = re.compile(r"`(\.?[\w-]+(?:\.\w+)+|\.?[\w-]+/[\w./-]+)`")


def test_plan_has_ticked_lines_and_says_why_others_are_open() -> None:
    still_open = [line for line in LINES if line.startswith(OPEN)]

    assert len(TICKED) > 40
    assert all(":" in line for line in still_open)


@pytest.mark.parametrize("line", TICKED, ids=lambda line: line[:40])
def test_ticked_line_names_a_file_and_a_test(line: str) -> None:
    evidence = "`" + line.rpartition(": `")[2]

    assert FILE.findall(evidence)
    assert TEST.findall(evidence)


def test_files_named_in_the_plan_exist() -> None:
    named = {path for line in TICKED for path in FILE.findall(line)} - {".env"}

    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_tests_named_in_the_plan_exist() -> None:
    named = {match for line in TICKED for match in TEST.findall(line)}

    assert {
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    } == set()
