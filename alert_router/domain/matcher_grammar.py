"""The two grammars of Alertmanager's matchers: the classic one, and the UTF-8 one since 0.27.

The UTF-8 grammar accepts any label name in quotes and Go's escapes. The classic grammar knows bare names and
three escapes, and it accepts values that the other refuses: an empty one, and one with a lone backslash.
Regular expressions are not compiled here.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

OPERATORS = ("=~", "!~", "!=", "=")
CLASSIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_CLASSIC = re.compile(rf"\s*({CLASSIC_NAME.pattern})\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL | re.ASCII)
_CLASSIC_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^"\\]|\\.)*\\?)', re.DOTALL)
_CLASSIC_ESCAPES = {r"\"": '"', r"\\": "\\", r"\n": "\n"}
_BLANKS = re.compile(r"\s*")
_TOKENS = {
    "{": re.compile(r"\{"),
    "}": re.compile(r"\}"),
    ",": re.compile(","),
    "operator": re.compile("=~|!~|!=|="),
    "quoted": re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL),
    "bare": re.compile(r"""[^\s{}!=~,\\"'`]+"""),
}
_PIECE = re.compile(
    r"""\\(?P<letter>[abfnrtv\\"])
      | \\x(?P<byte>[0-9a-fA-F]{2})
      | \\(?P<octal>[0-3][0-7]{2})
      | \\u(?P<short>[0-9a-fA-F]{4})
      | \\U(?P<long>[0-9a-fA-F]{8})
      | (?P<plain>[^\\\n]+)""",
    re.VERBOSE,
)
_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}


@dataclass(frozen=True, slots=True)
class Term:
    name: str
    operator: str
    value: str


class SyntaxFault(ValueError):
    """What was expected, and at which column (from 1)."""

    def __init__(self, expected: str, offset: int) -> None:
        super().__init__(f"{expected} at column {offset + 1}")


def parse_utf8(text: str) -> tuple[Term, ...]:
    """A list, with or without braces. Raises SyntaxFault."""
    return tuple(_Utf8Parser(text).terms())


class _Utf8Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0

    def terms(self) -> Iterator[Term]:
        closing = self._accept("{") is not None
        while not self._at_end() and not self._peek("}"):
            yield self._term()
            if self._accept(",") is None:
                break
        if closing:
            self._expect('"," or "}"', "}")
        if not self._at_end():
            raise SyntaxFault('expected "," or the end', self._offset)

    def _term(self) -> Term:
        name = self._string("a label name")
        if not name:
            raise SyntaxFault("expected a label name that is not empty", self._offset - 2)
        operator = self._expect("=, !=, =~ or !~", "operator")
        return Term(name, operator, self._string("a value"))

    def _string(self, expected: str) -> str:
        bare = self._accept("bare")
        if bare is not None:
            return bare
        if self._text.startswith('"', self._offset) and not self._peek("quoted"):
            raise SyntaxFault("unclosed quote", self._offset)
        quoted = self._expect(expected, "quoted")
        return _go_unquoted(quoted[1:-1], self._offset - len(quoted) + 1)

    def _expect(self, expected: str, kind: str) -> str:
        token = self._accept(kind)
        if token is None:
            raise SyntaxFault(f"expected {expected}", self._offset)
        return token

    def _accept(self, kind: str) -> str | None:
        match = self._match(kind)
        if match is None:
            return None
        self._offset = match.end()
        return match.group()

    def _at_end(self) -> bool:
        self._skip_blanks()
        return self._offset == len(self._text)

    def _peek(self, kind: str) -> bool:
        return self._match(kind) is not None

    def _match(self, kind: str) -> re.Match[str] | None:
        self._skip_blanks()
        return _TOKENS[kind].match(self._text, self._offset)

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self._text, self._offset)
        self._offset = blanks.end() if blanks else self._offset


def _go_unquoted(body: str, offset: int) -> str:
    """As Go's strconv.Unquote: escapes may spell single bytes, and the whole must be UTF-8."""
    value = bytearray()
    position = 0
    try:
        while position < len(body):
            piece = _PIECE.match(body, position)
            if piece is None:
                raise SyntaxFault("no such escape", offset + position)
            value += _bytes_of(piece)
            position = piece.end()
        return value.decode()
    except (UnicodeError, OverflowError):
        raise SyntaxFault("not valid UTF-8", offset + position) from None


def _bytes_of(piece: re.Match[str]) -> bytes:
    kind, text = piece.lastgroup, piece.group(piece.lastgroup or 0)
    if kind == "letter":
        return bytes([_LETTERS[text]])
    if kind in ("byte", "octal"):
        return bytes([int(text, 16 if kind == "byte" else 8)])
    return (text if kind == "plain" else _char(int(text, 16))).encode()


def _char(code_point: int) -> str:
    if code_point > sys.maxunicode:
        raise OverflowError
    return chr(code_point)


def parse_classic(text: str) -> tuple[Term, ...]:
    """A list; the braces are optional, each for itself. Raises SyntaxFault."""
    start = 1 if text.startswith("{") else 0
    return tuple(parse_classic_term(part, offset) for part, offset in _split(text.removesuffix("}"), start))


def _split(text: str, start: int) -> Iterator[tuple[str, int]]:
    """At the commas outside quotes; a comma at the end is no empty part."""
    in_quotes = escaped = False
    for index in range(start, len(text)):
        char = text[index]
        if char == "," and not in_quotes:
            yield text[start:index], start
            start = index + 1
        elif char == '"':
            in_quotes, escaped = in_quotes == escaped, False
        elif char == "\\":
            escaped = not escaped
        elif char != ",":
            escaped = False
    if text[start:].strip():
        yield text[start:].strip(), start


def parse_classic_term(text: str, offset: int = 0) -> Term:
    """One matcher; an unquoted value goes to the end of the text, commas and all. Raises SyntaxFault."""
    shape = _CLASSIC.fullmatch(text)
    if shape is None:
        raise SyntaxFault("expected a label name and =, !=, =~ or !~", offset)
    name, operator, raw = shape.groups()
    value = _CLASSIC_VALUE.fullmatch(raw)
    if value is None:
        raise SyntaxFault("a quote without its partner", offset + shape.start(3))
    return Term(name, operator, _classic_unescaped(value.group(1) or value.group(2) or ""))


def _classic_unescaped(raw: str) -> str:
    """A backslash before anything but a quote, a backslash or an n stands for itself."""
    unescape: Callable[[re.Match[str]], str] = lambda escape: _CLASSIC_ESCAPES[escape.group()]  # noqa: E731
    return re.sub(r'\\["\\n]', unescape, raw)
