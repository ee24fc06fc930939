"""ARCHITECTURE.md answers "where is ...?" with files and names that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
ANSWER = re.compile(r"^\| [^|]+ \| `([\w/.]+\.py)`: `(\w+)`", re.MULTILINE)
WALK_FILE = re.compile(
    r"`((?:domain|services|delivery|discord|sources|store|prometheus|charts|web)/\w+\.py)`"
)


def defined_in(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def test_every_answer_names_a_file_and_a_name_in_it() -> None:
    answers = ANSWER.findall(PAGE)

    wrong = [f"{path}: {name}" for path, name in answers if name not in defined_in(ROOT / path)]

    assert len(answers) >= 12
    assert wrong == []


@pytest.mark.parametrize("path", sorted(set(WALK_FILE.findall(PAGE))))
def test_every_file_of_the_walks_exists(path: str) -> None:
    assert (ROOT / "alert_router" / path).is_file()


def test_glossary_has_about_twenty_words() -> None:
    glossary = PAGE.split("## Layout")[0]

    words = re.findall(r"^\| ([\w ]+) \|", glossary, re.MULTILINE)

    assert 18 <= len(words) <= 25
