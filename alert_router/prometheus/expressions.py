"""A rule's expression, from the link that an alert brings: what it measures and the limit it compares with.

The link is a sender's: only its expression is used, and that is bounded, before anything is asked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import promql_parser
from promql_parser import (
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    UnaryExpr,
)

from alert_router.domain.quantities import NONE, RATIO, Unit
from alert_router.prometheus import units

MAX_CHARS = 4_000
MAX_URL_CHARS = 16_000
"""Of a link to such an expression, escaped."""
"""Longer than any rule a person wrote."""
MAX_PARTS = 150
"""Brackets and operators: the parser's time and memory grow with the square of how deep they nest, and faster
when it prints (1,900 brackets: gigabytes). An expression with more is asked as a whole."""
_PART = re.compile(r"[(+*/^%<>=!-]|\b(?:and|or|unless|atan2)\b")
MAX_COMPARISONS = 3
"""Of the branches of an `or`, that are asked in turn."""
MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
SETS = frozenset({"and", "or", "unless"})
ABSENT = frozenset({"absent", "absent_over_time"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measured side, and the limit it is compared with."""

    measured: str
    operator: str
    """As read from the measured side."""
    limit: str
    limit_value: float | None
    """None: the limit is a series, too, and has to be asked."""
    filtered: str
    """Returns the series that fire, each with its measured value."""
    unit: Unit


@dataclass(frozen=True, slots=True)
class Rule:
    expression: str
    comparisons: tuple[Comparison, ...] = ()
    """In the order in which the rule has them; of an `and`, the first."""
    charted: str = ""
    """What its picture shows; empty: there is nothing to show."""
    unit: Unit = NONE
    """Of what is charted."""
    has_value: bool = True
    """False where the alert is about something that is not there."""


def of_link(url: str) -> str:
    """The expression in a link to Prometheus's graph page; empty where there is none or it is too long."""
    return _of_link(url) if len(url) <= MAX_URL_CHARS else ""


@lru_cache(maxsize=256)
def _of_link(url: str) -> str:
    try:
        query = parse_qs(urlsplit(url).query, max_num_fields=50)
    except ValueError:
        return ""
    expression = query.get("g0.expr", [""])[0].strip()
    return expression if len(expression) <= MAX_CHARS and "\x00" not in expression else ""


@lru_cache(maxsize=256)
def rule(expression: str) -> Rule:
    """An expression that cannot be parsed can still be asked: newer Prometheus versions have more words."""
    parsed = _parsed(expression)
    if parsed is None:
        return Rule(expression, charted=expression)
    comparisons = tuple(islice(_comparisons(parsed), MAX_COMPARISONS))
    if comparisons:
        first = comparisons[0]
        return Rule(expression, comparisons, first.measured, first.unit)
    inner = _without_parentheses(parsed)
    if isinstance(inner, Call) and inner.func.name in ABSENT:
        watched = inner.args[0]
        charted = watched.vector_selector if isinstance(watched, MatrixSelector) else watched
        return Rule(expression, charted=charted.prettify(), unit=units.of(charted), has_value=False)
    if _number(inner) is not None or _is_constant(inner):
        return Rule(expression, has_value=False)
    return Rule(expression, charted=expression, unit=units.of(inner))


def _parsed(expression: str) -> Expr | None:
    if sum(1 for _ in islice(_PART.finditer(expression), MAX_PARTS + 1)) > MAX_PARTS:
        return None
    try:
        return promql_parser.parse(expression)
    except (ValueError, RecursionError):
        return None
    except BaseException as error:
        # A panic of the parser, which is written in Rust, is no Exception.
        if type(error).__name__ == "PanicException":
            return None
        raise


def _without_parentheses(expression: Expr) -> Any:
    while isinstance(expression, ParenExpr):
        expression = expression.expr
    return expression


def _is_constant(expression: Any) -> bool:
    return isinstance(expression, Call) and expression.func.name in {"vector", "scalar", "time"}


def _comparisons(expression: Expr) -> Iterator[Comparison]:
    inner = _without_parentheses(expression)
    if not isinstance(inner, BinaryExpr):
        return
    operator = str(inner.op)
    if operator in MIRRORED:
        comparison = _comparison(inner, operator)
        if comparison is not None:
            yield comparison
    elif operator == "or":
        yield from _comparisons(inner.lhs)
        yield from _comparisons(inner.rhs)
    elif operator in SETS:
        yield from islice((found for side in (inner.lhs, inner.rhs) for found in _comparisons(side)), 1)


def _comparison(expression: BinaryExpr, operator: str) -> Comparison | None:
    left, right = expression.lhs, expression.rhs
    left_value, right_value = _number(left), _number(right)
    if left_value is not None and right_value is not None:
        return None
    filtered = _filtered(expression, operator)
    if left_value is not None:
        left, right, right_value, operator = right, left, left_value, MIRRORED[operator]
    return Comparison(
        measured=_without_parentheses(left).prettify(),
        operator=operator,
        limit=right.prettify(),
        limit_value=right_value,
        filtered=filtered,
        unit=_unit(left, right_value),
    )


def _unit(measured: Expr, limit: float | None) -> Unit:
    """What is divided by its like is a percentage, unless its limit lies beyond the whole."""
    unit = units.of(measured)
    return NONE if unit == RATIO and limit is not None and abs(limit) > 1 else unit


def _filtered(expression: BinaryExpr, operator: str) -> str:
    """Without `bool`, which replaces the value by 0 or 1."""
    modifier = expression.modifier
    matching = str(modifier).removeprefix("bool").strip() if modifier is not None else ""
    parts = (expression.lhs.prettify(), operator, matching, expression.rhs.prettify())
    return " ".join(filter(None, parts))


def _number(expression: Any) -> float | None:
    """The value of a calculation with numbers alone."""
    inner = _without_parentheses(expression)
    if isinstance(inner, NumberLiteral):
        return float(inner.val)
    if isinstance(inner, UnaryExpr):
        value = _number(inner.expr)
        return None if value is None else -value
    if not isinstance(inner, BinaryExpr):
        return None
    left, right = _number(inner.lhs), _number(inner.rhs)
    return None if left is None or right is None else _calculated(str(inner.op), left, right)


def _calculated(operator: str, left: float, right: float) -> float | None:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "^":
                return float(left**right)
            case _:
                return None
    except (ArithmeticError, TypeError):
        return None
