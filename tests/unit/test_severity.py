"""The words of the label `severity`, and their ranks."""

import pytest

from alert_router.domain.severity import SHIPPED, Severities, Severity, shown_word

SEVERITIES = Severities()


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ("critical page disaster emergency fatal crit p0 p1 sev0 sev1 blocker", Severity.CRITICAL),
        ("error err high major p2 sev2", Severity.ERROR),
        ("warning warn medium moderate average minor p3 sev3", Severity.WARNING),
        ("info information informational notice low debug ok none p4 p5 sev4 sev5", Severity.INFO),
    ],
)
def test_shipped_words_have_their_rank(words: str, severity: Severity) -> None:
    ranks = {SEVERITIES.rank(word) for word in words.split()}

    assert ranks == {severity}


def test_severities_are_ordered() -> None:
    assert list(Severity) == sorted(Severity)
    assert Severity.INFO < Severity.WARNING < Severity.ERROR < Severity.CRITICAL


@pytest.mark.parametrize("word", ["CRIT", " crit ", "Crit\n", "\u00a0crit\t"])
def test_case_and_blanks_around_do_not_matter(word: str) -> None:
    assert SEVERITIES.rank(word) is Severity.CRITICAL


@pytest.mark.parametrize("word", [None, "", "  ", "banana", "crit ical"])
def test_unknown_and_absent_words_rank_as_warning(word: str | None) -> None:
    assert SEVERITIES.rank(word) is Severity.WARNING
    assert not SEVERITIES.is_known(word)


def test_card_shows_the_senders_own_word() -> None:
    assert shown_word(" Disaster ") == "Disaster"


@pytest.mark.parametrize("word", [None, "", " \t"])
def test_card_invents_no_word_nobody_set(word: str | None) -> None:
    assert shown_word(word) is None


def test_configured_words_add_to_the_shipped_ones() -> None:
    severities = Severities.configured({Severity.ERROR: [" Rot "]})

    assert severities.rank("rot") is Severity.ERROR
    assert severities.rank("page") is Severity.CRITICAL
    assert severities.is_known("ROT")


def test_configured_words_override_the_shipped_ones() -> None:
    severities = Severities.configured({Severity.WARNING: ["P1"]})

    assert severities.rank("p1") is Severity.WARNING
    assert SHIPPED["p1"] is Severity.CRITICAL


def test_word_under_two_severities_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match='"rot" is listed as critical and as info'):
        Severities.configured({Severity.CRITICAL: ["rot"], Severity.INFO: ["ROT "]})


def test_word_twice_under_one_severity_is_accepted() -> None:
    severities = Severities.configured({Severity.CRITICAL: ["rot", "Rot"]})

    assert severities.rank("rot") is Severity.CRITICAL


def test_empty_configured_word_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty word"):
        Severities.configured({Severity.INFO: [" "]})
