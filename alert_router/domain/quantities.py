"""Numbers with their unit, as people read them: "5.2 %", "9000 s", "1.5 GiB"."""

import math
import sys
from dataclasses import dataclass

DIGITS = 3
MAX_DIGITS = 6
"""Where a value and its limit would read alike with fewer."""
SMALLEST = 1e-6
"""A number below it is written with an exponent."""
LARGEST = 1e15
"""From here on too."""
GROUPED = 10_000
"""From here on digits are grouped: 9000, but 12,500."""


@dataclass(frozen=True, slots=True)
class Step:
    """From which amount on a larger or smaller unit is used."""

    start: float
    size: float
    suffix: str


@dataclass(frozen=True, slots=True)
class Unit:
    suffix: str = ""
    factor: float = 1.0
    """What a number is multiplied by before it is shown."""
    steps: tuple[Step, ...] = ()
    """The largest first."""


def _binary(suffix: str) -> tuple[Step, ...]:
    names = ("", "Ki", "Mi", "Gi", "Ti")
    return tuple(Step(1024.0**n, 1024.0**n, names[n] + suffix) for n in reversed(range(1, len(names))))


NONE = Unit(steps=(Step(1e9, 1e9, " G"), Step(1e6, 1e6, " M")))
RATIO = Unit("%", factor=100)
PERCENT = Unit("%")
SECONDS = Unit(
    "s",
    steps=(
        Step(2 * 86_400, 86_400, "d"),
        Step(10_000, 3_600, "h"),
        Step(1, 1, "s"),
        Step(1e-3, 1e-3, "ms"),
        Step(SMALLEST, 1e-6, "µs"),
    ),
)
BYTES = Unit("B", steps=_binary("B"))
PER_SECOND = Unit("/s")
BYTES_PER_SECOND = Unit("B/s", steps=_binary("B/s"))


def shown(value: float, unit: Unit) -> str:
    return _written(value, unit, DIGITS)


def shown_together(value: float, limit: float, unit: Unit) -> tuple[str, str]:
    """With as many digits as it takes to tell them apart: "0.6498" and "0.65", not twice "0.65"."""
    for digits in range(DIGITS, MAX_DIGITS + 1):
        texts = _written(value, unit, digits), _written(limit, unit, digits)
        if texts[0] != texts[1] or value == limit:
            return texts
    return _written(value, unit, MAX_DIGITS), _written(limit, unit, MAX_DIGITS)


def _written(value: float, unit: Unit, digits: int) -> str:
    most = sys.float_info.max
    amount = min(max(value * unit.factor, -most), most)
    for step in unit.steps:
        if abs(amount) >= step.start:
            return _joined(_number(amount / step.size, digits), step.suffix)
    return _joined(_number(amount, digits), unit.suffix)


def _joined(number: str, suffix: str) -> str:
    return f"{number} {suffix.strip()}" if suffix else number


def _number(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if not SMALLEST <= abs(value) < LARGEST:
        return f"{value:.{digits - 1}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}" if abs(value) >= GROUPED else f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
