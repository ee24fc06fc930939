"""Alertmanager's matcher syntax: `name="value"`, with =, !=, =~ and !~."""

import re
from dataclasses import dataclass

import re2

from alert_router.domain.model import Labels

OPERATORS = ("=~", "!~", "!=", "=")
_SHAPE = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPES = {r"\"": '"', r"\\": "\\", r"\n": "\n"}


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
        found = re2.search(self.pattern, value) is not None if self.is_regex else value == self.value
        return found != self.negates

    def __str__(self) -> str:
        value = self.value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        return f'{self.name}{self.operator}"{value}"'


def parse(text: str) -> Matcher:
    """Raises ValueError with a sentence that says what is wrong with the text."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f'{text!r} is not a matcher; write name="value", or with !=, =~, !~')
    name, operator, raw = shape.groups()
    matcher = Matcher(name, operator, _unquoted(raw))
    if matcher.is_regex:
        _check_regex(matcher)
    return matcher


def _unquoted(raw: str) -> str:
    if not raw.startswith('"'):
        if '"' in raw:
            raise ValueError(f"the value {raw!r} has a quote inside; quote the whole value")
        return raw
    if not _QUOTED.fullmatch(raw):
        raise ValueError(f"the value {raw!r} has no closing quote at its end")
    return re.sub(r'\\["\\n]', lambda found: _ESCAPES[found.group()], raw[1:-1])


def _check_regex(matcher: Matcher) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(matcher.pattern, options)
    except re2.error as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{matcher.value!r} is not a regular expression: {said}") from error
