"""Filters as an expression over the terms of the search index: each alert has a term for every label.

The expression selects all that the filters select, and maybe more: the conditions of SQL decide.
"""

import hashlib
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import re2

from alert_router.domain.matchers import Matcher
from alert_router.store.filters import Filters

EVERY = "a"
"""A term that every alert has: what an expression of exclusions alone begins with."""
NONE = "z"
"""A term that no alert has."""
SOURCE, ALERTNAME, SEVERITY = "\x00source", "\x00alertname", "\x00severity"
"""The columns, as if they were labels: no label has such a name."""
MAX_VALUES = 1_000
"""More values of one label than this are not named one by one."""

ValuesOf = Callable[[str, str], Sequence[str] | None]
"""The values of a label that begin so, among the indexed alerts; None where there are too many."""
PLAIN = frozenset(string.ascii_letters + string.digits + "-_:/ @=,%#&'\"~<>!;")
"""Characters that stand for themselves in a pattern."""


def has(name: str) -> str:
    return "n" + _hash(name)


def equals(name: str, value: str) -> str:
    return "e" + _hash(f"{name}\x00{value}")


def _hash(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def of_alert(labels: Mapping[str, str], *, source: str, alertname: str, severity: str) -> list[str]:
    columns = {SOURCE: source, ALERTNAME: alertname, SEVERITY: severity}
    terms = [equals(name, value) for name, value in {**columns, **labels}.items()]
    return [EVERY, *terms, *map(has, labels)]


@dataclass(slots=True)
class Expression:
    """All of `all_of`, one of each group, none of `none_of`."""

    all_of: list[str] = field(default_factory=list)
    groups: list[Sequence[str]] = field(default_factory=list)
    none_of: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.all_of or self.groups or self.none_of)

    def add_any(self, terms: Sequence[str]) -> None:
        if len(terms) > 1:
            self.groups.append(terms)
        else:
            self.all_of += terms or [NONE]


def of_filters(filters: Filters, values_of: ValuesOf) -> Expression:
    expression = Expression()
    columns = {SOURCE: filters.source, ALERTNAME: filters.alertname, SEVERITY: filters.severity}
    expression.all_of += [equals(name, value) for name, value in columns.items() if value is not None]
    matchers = list(filters.matchers)
    if filters.team is not None:
        matchers.append(Matcher("team", "=", filters.team))
    for matcher in matchers:
        (_add_regex if matcher.is_regex else _add_equality)(expression, matcher, values_of)
    return expression


def _add_equality(expression: Expression, matcher: Matcher, _values_of: ValuesOf) -> None:
    """A label that is missing is the empty string; one that is set to it counts as missing, too."""
    name, value = matcher.name, matcher.value
    if value:
        (expression.none_of if matcher.negates else expression.all_of).append(equals(name, value))
    elif matcher.negates:
        expression.all_of.append(has(name))


def _add_regex(expression: Expression, matcher: Matcher, values_of: ValuesOf) -> None:
    """By the values that the label has. Where they are too many to name, the conditions decide alone."""
    selects_missing = matcher.matches({})
    values = values_of(
        matcher.name, "" if selects_missing or matcher.negates else literal_prefix(matcher.value)
    )
    if values is None:
        expression.all_of += [] if selects_missing else [has(matcher.name)]
        return
    pattern = re2.compile(matcher.pattern)
    selected = {value for value in values if value and (pattern.search(value) is not None) != matcher.negates}
    if selects_missing:
        others = [value for value in values if value and value not in selected]
        expression.none_of += _terms(matcher.name, others) or []
        return
    terms = _terms(matcher.name, sorted(selected))
    if terms is None:
        expression.all_of.append(has(matcher.name))
    else:
        expression.add_any(terms)


def literal_prefix(pattern: str) -> str:
    """With which every text begins that the pattern matches as a whole."""
    if "|" in pattern:
        return ""
    length = next((index for index, char in enumerate(pattern) if char not in PLAIN), len(pattern))
    # What may be missing or repeated is no part of it.
    return (
        pattern[: max(length - 1, 0)]
        if pattern[length : length + 1] in ("?", "*", "{", "+")
        else pattern[:length]
    )


def _terms(name: str, values: Sequence[str]) -> list[str] | None:
    return [equals(name, value) for value in values] if len(values) <= MAX_VALUES else None


def trigrams(text: str) -> tuple[str, ...]:
    """Each three characters in a row, once: an alert that has the text has all of them."""
    return tuple(dict.fromkeys(text[index : index + 3] for index in range(len(text) - 2)))


def join(parts: Iterable[str], word: str) -> str:
    return f" {word} ".join(parts)
