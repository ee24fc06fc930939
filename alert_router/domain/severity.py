"""How bad an alert is: the words senders use for it and the four ranks everything here goes by. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType


class Severity(IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """As in configuration files and metrics: "critical"."""
        return self.name.lower()


DEFAULT = Severity.WARNING
"""The rank of an absent word and of an unknown one: neither may be quieter than it should be."""

# Prometheus mixins, PagerDuty, Opsgenie, Zabbix, ITIL (X.733), syslog, Jira and the P and SEV scales.
_WORDS = {
    Severity.CRITICAL: "critical crit page disaster emergency emerg fatal panic blocker urgent highest "
    "p0 p1 p-0 p-1 sev0 sev1 sev-0 sev-1 s0 s1",
    Severity.ERROR: "error err high major severe p2 p-2 sev2 sev-2 s2",
    Severity.WARNING: "warning warn medium moderate average minor p3 p-3 sev3 sev-3 s3",
    Severity.INFO: "info information informational notice low lowest trivial debug trace ok none "
    "p4 p5 p-4 p-5 sev4 sev5 sev-4 sev-5 s4 s5",
}


def _normalized(word: str | None) -> str:
    return (word or "").strip().casefold()


def _ranks(words: Mapping[Severity, Iterable[str]]) -> Mapping[str, Severity]:
    ranks: dict[str, Severity] = {}
    for severity, spellings in words.items():
        for word in map(_normalized, spellings):
            if not word:
                raise ValueError(f"an empty word cannot mean {severity.word}")
            if ranks.setdefault(word, severity) is not severity:
                raise ValueError(f'"{word}" is listed as {ranks[word].word} and as {severity.word}')
    return MappingProxyType(ranks)


SHIPPED = _ranks({severity: words.split() for severity, words in _WORDS.items()})


@dataclass(frozen=True, slots=True)
class Severities:
    """The words that are known, each with its rank."""

    ranks: Mapping[str, Severity] = field(default_factory=lambda: SHIPPED)

    @classmethod
    def configured(cls, words: Mapping[Severity, Iterable[str]]) -> "Severities":
        """The shipped words and these, which win. Raises ValueError where one word has two ranks."""
        return cls(MappingProxyType({**SHIPPED, **_ranks(words)}))

    def rank(self, word: str | None) -> Severity:
        return self.ranks.get(_normalized(word), DEFAULT)

    def is_known(self, word: str | None) -> bool:
        """Whether the rank is the word's own and not the default."""
        return _normalized(word) in self.ranks


def shown_word(word: str | None) -> str | None:
    """The sender's own word, as a card shows it; None where nobody set one, and no word is invented."""
    return (word or "").strip() or None
