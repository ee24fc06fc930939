"""The unit of an expression, from the names of its metrics: Prometheus's names end in it."""

from collections.abc import Mapping
from typing import Any

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from alert_router.domain.quantities import (
    BYTES,
    BYTES_PER_SECOND,
    NONE,
    PER_SECOND,
    PERCENT,
    RATIO,
    SECONDS,
    Unit,
)

NOT_UNITS = ("total", "sum", "count", "bucket", "created", "info", "max", "min", "avg")
"""Stand behind the unit."""
BY_SUFFIX: Mapping[str, Unit] = {
    "seconds": SECONDS,
    "bytes": BYTES,
    "ratio": RATIO,
    "share": RATIO,
    "percent": PERCENT,
    "celsius": Unit("°C"),
    "volts": Unit("V"),
    "amperes": Unit("A"),
    "watts": Unit("W"),
    "joules": Unit("J"),
    "meters": Unit("m"),
    "grams": Unit("g"),
    "hertz": Unit("Hz"),
}
PER_S: Mapping[Unit, Unit] = {NONE: PER_SECOND, BYTES: BYTES_PER_SECOND}
RATES = frozenset({"rate", "irate", "deriv"})
COUNTS = frozenset(
    {"count_over_time", "changes", "resets", "absent", "absent_over_time", "present_over_time"}
)
TIMES = frozenset({"time", "timestamp"})
COUNTING = frozenset({"count", "count_values", "group", "stdvar"})
HUNDRED = 100.0


def of(expression: Any) -> Unit:
    """NONE where it cannot be known: a wrong unit is worse than none."""
    match expression:
        case VectorSelector():
            return _of_name(expression.name or "")
        case MatrixSelector():
            return of(expression.vector_selector)
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return of(expression.expr)
        case AggregateExpr():
            return NONE if str(expression.op) in COUNTING else of(expression.expr)
        case Call():
            return _of_call(expression)
        case BinaryExpr():
            return _of_calculation(expression)
        case _:
            return NONE


def _of_name(name: str) -> Unit:
    words = name.split("_")
    if words[-1] == "count":  # of a histogram: how many, whatever was measured
        return NONE
    while len(words) > 1 and words[-1] in NOT_UNITS:
        words.pop()
    return BY_SUFFIX.get(words[-1], NONE)


def _of_call(call: Call) -> Unit:
    name = call.func.name
    if name in TIMES:
        return SECONDS
    if name in COUNTS or not call.args:
        return NONE
    if name == "histogram_quantile":  # of the rate of a bucket, but it is in the metric's own unit
        return _of_name(_first_name(call))
    # The measured argument is the only one that is not a number or a text.
    measured = next((of(part) for part in call.args if not isinstance(part, NumberLiteral)), NONE)
    return PER_S.get(measured, NONE) if name in RATES else measured


def _of_calculation(expression: BinaryExpr) -> Unit:
    left, right = of(expression.lhs), of(expression.rhs)
    match str(expression.op):
        case "+" | "-":
            return left if left != NONE else right
        case "/" if _is_mean(expression):
            return _of_name(_first_name(expression))
        case "/" if left == right and not _numbers(expression):
            return RATIO
        case "*" if {left, right} == {RATIO, NONE} and HUNDRED in _numbers(expression):
            return PERCENT
        case "/" | "*" | "^" | "%":
            return NONE
        case _:  # of sets and comparisons: the left side's
            return left


def _is_mean(expression: BinaryExpr) -> bool:
    """Of a histogram or summary: the sum by the count."""
    total, _, _ = _first_name(expression.lhs).rpartition("_sum")
    return bool(total) and _first_name(expression.rhs) == f"{total}_count"


def _first_name(expression: Expr) -> str:
    names: list[str] = []

    def visit(node: Expr) -> bool:
        if isinstance(node, VectorSelector) and node.name:
            names.append(node.name)
        return not names

    promql_parser.walk(expression, visit)
    return names[0] if names else ""


def _numbers(expression: BinaryExpr) -> list[float]:
    sides = (expression.lhs, expression.rhs)
    return [side.val for side in sides if isinstance(side, NumberLiteral)]
