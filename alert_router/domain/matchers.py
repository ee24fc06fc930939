"""Alertmanager's matchers, `name="value"` with =, !=, =~, !~, and lists of them: `{a="b", "c.d"=~"e|f"}`."""

from collections.abc import Callable
from dataclasses import dataclass

import re2

from alert_router.domain import matcher_grammar
from alert_router.domain.matcher_grammar import OPERATORS, SyntaxFault, Term
from alert_router.domain.model import Labels

__all__ = ["OPERATORS", "Matcher", "parse", "parse_list"]

MAX_REGEX_BYTES = 256 * 1024
"""Of a compiled one: "\\pL{1000}" has 8 characters, and RE2 would work on it for 40 ms."""
Grammar = Callable[[str], tuple[Term, ...]]


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    operator: str
    value: str

    @property
    def is_regex(self) -> bool:
        return self.operator in ("=~", "!~")

    @property
    def negates(self) -> bool:
        return self.operator in ("!=", "!~")

    @property
    def pattern(self) -> str:
        """Anchored on both sides, as everywhere in Prometheus."""
        return f"^(?:{self.value})$"

    def matches(self, labels: Labels) -> bool:
        """A label that is missing is the empty string, as everywhere in Prometheus."""
        value = labels.get(self.name, "")
        equal = re2.search(self.pattern, value) is not None if self.is_regex else value == self.value
        return equal != self.negates

    def __str__(self) -> str:
        bare = matcher_grammar.CLASSIC_NAME.fullmatch(self.name) is not None
        return f"{self.name if bare else _quoted(self.name)}{self.operator}{_quoted(self.value)}"


def parse(text: str) -> Matcher:
    """One matcher. Raises ValueError with a sentence that says what is wrong with the text, and where."""
    if text.lstrip().startswith("{"):
        matchers = parse_list(text)
        if len(matchers) != 1:
            raise ValueError(f"{text!r} is a list of {len(matchers)} matchers; write one")
        return matchers[0]
    return _agreed(text, _one_utf8, lambda text: (matcher_grammar.parse_classic_term(text),))[0]


def parse_list(text: str) -> tuple[Matcher, ...]:
    """Matchers with commas between, with or without braces; also none. Raises ValueError as `parse` does."""
    return _agreed(text, matcher_grammar.parse_utf8, matcher_grammar.parse_classic)


def _agreed(text: str, utf8: Grammar, classic: Grammar) -> tuple[Matcher, ...]:
    """As Alertmanager since 0.27: the classic reading where both grammars have one, else the other."""
    try:
        terms = classic(text)
    except SyntaxFault:
        try:
            terms = utf8(text)
        except SyntaxFault as fault:
            raise ValueError(f"{text!r} is not a matcher: {fault}") from None
    matchers = tuple(Matcher(term.name, term.operator, term.value) for term in terms)
    for matcher in matchers:
        _check_regex(matcher)
    return matchers


def _one_utf8(text: str) -> tuple[Term, ...]:
    terms = matcher_grammar.parse_utf8(text)
    if len(terms) != 1:
        raise SyntaxFault("expected a label name", 0) if not terms else SyntaxFault("expected one matcher", 0)
    return terms


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _check_regex(matcher: Matcher) -> None:
    if not matcher.is_regex:
        return
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_REGEX_BYTES
    try:
        re2.compile(matcher.pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        reason = reason.removesuffix(f": {matcher.pattern}")
        raise ValueError(f"{matcher}: {matcher.value!r} is not a regular expression: {reason}") from None
