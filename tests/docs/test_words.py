"""The repository uses the field's standard terms: none of the private words of its past is left."""

from pathlib import Path

import pytest

from testbed import words


def test_no_private_word_is_left() -> None:
    assert list(words.findings(words.ROOT, words.tracked_files())) == []


@pytest.mark.parametrize(
    "line",
    [
        "# The alert is told once.",
        "page = '<p>A stand-in for Discord</p>'",
        "error = 'no setting of ours'",
        "def enqueue_told() -> None: ...",
        "class PacerError(Exception): ...",
        "def send(meaning: str) -> None: ...",
        "MOST_ALERTS = 3",
    ],
)
def test_planted_word_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(line)

    assert list(words.findings(tmp_path, ["planted.py"]))


def test_planted_module_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "pacer.py").write_text("")

    assert list(words.findings(tmp_path, ["pacer.py"])) == ["pacer.py: the name pacer"]


@pytest.mark.parametrize("line", ["warehouse = 1", "# Space; its meaning is clear.", "# doorstep"])
def test_other_words_are_accepted(line: str, tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text(line)

    assert list(words.findings(tmp_path, ["clean.py"])) == []


def test_text_that_is_allowed_for_one_file_is_found_in_others(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text('table = "paces"')

    assert list(words.findings(tmp_path, ["clean.py"])) == ["clean.py:1: paces"]
