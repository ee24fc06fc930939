"""The repository uses the field's standard terms: none of the private words of its past is left."""

from pathlib import Path

import pytest

from testbed import words


def test_no_private_word_is_left() -> None:
    assert list(words.findings(words.ROOT, words.tracked_files())) == []


@pytest.mark.parametrize(
    "line",
    [
        "# The alert is t+old once.",
        "page = '<p>A stand-+in for Discord</p>'",
        "error = 'no setting of our+s'",
        "def enqueue_t+old() -> None: ...",
        "class Pac+erError(Exception): ...",
        "def send(mean+ing: str) -> None: ...",
        "MO+ST_ALERTS = 3",
    ],
)
def test_planted_word_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(line.replace("+", ""))

    assert list(words.findings(tmp_path, ["planted.py"]))


def test_planted_module_name_is_found(tmp_path: Path) -> None:
    name = "pac+er".replace("+", "")
    (tmp_path / f"{name}.py").write_text("")

    assert list(words.findings(tmp_path, [f"{name}.py"])) == [f"{name}.py: the name {name}"]


@pytest.mark.parametrize("line", ["warehouse = 1", "# Space; its mean+ing is clear.", "# do+orstep"])
def test_other_words_are_accepted(line: str, tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text(line.replace("+", ""))

    assert list(words.findings(tmp_path, ["clean.py"])) == []


def test_text_that_is_allowed_for_one_file_is_found_in_others(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text('table = "paces"')

    assert list(words.findings(tmp_path, ["clean.py"])) == ["clean.py:1: paces"]
