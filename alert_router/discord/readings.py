"""The value of an alert and its limit: measured, else as its source or its annotations have them."""

import re
from collections.abc import Mapping

from alert_router.domain.card_facts import Measure
from alert_router.domain.model import Alert, Labels

VALUES = "values"
"""The annotation that holds Grafana's values: "B = 18.98, C = 0"."""
VALUE_NAMES = frozenset({"value", "currentvalue", "current", "measured", "actual", "actualvalue"})
LIMIT_NAMES = frozenset({"limit", "threshold", "limitvalue", "thresholdvalue"})
"""Customary names of annotations, in lower case and without their separators."""
MAX_CHARS = 40
"""Of a value: a longer one is a sentence."""
_SEPARATORS = re.compile(r"[\s_.-]")
_REFERENCE = re.compile(r"(?:^|, )([^=]+?) = (\S+?)(?=,|$)")
_DIGITS = re.compile(r"-?\d+\.\d+(?![\d.])")
DECIMALS = 4
SIGNIFICANT = 4
"""Of a number that is smaller than one."""


def of(alert: Alert, measures: Mapping[int, Measure]) -> Measure:
    """Empty where nothing is known."""
    measured = measures.get(alert.id) or Measure("")
    named = {plain_name(name): text.strip() for name, text in alert.annotations.items()}
    value = measured.value or _annotated(named, VALUE_NAMES) or _of_grafana(alert.annotations)
    return Measure(value, measured.limit or _annotated(named, LIMIT_NAMES))


def is_reading(name: str, text: str) -> bool:
    """Whether the annotation is shown as the value or the limit."""
    is_short = len(text.strip()) <= MAX_CHARS
    if name == VALUES:
        return is_short or bool(_REFERENCE.search(text))
    return is_short and plain_name(name) in VALUE_NAMES | LIMIT_NAMES


def plain_name(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()


def _annotated(named: Labels, names: frozenset[str]) -> str:
    texts = (named[name] for name in sorted(names) if named.get(name))
    return rounded(next((text for text in texts if len(text) <= MAX_CHARS), ""))


def _of_grafana(annotations: Labels) -> str:
    """Without the condition's own 0 or 1, each number once, and named unless it is the only one."""
    text = annotations.get(VALUES, "").strip()
    references = dict(_REFERENCE.findall(text))
    if not references:
        return text if len(text) <= MAX_CHARS else ""
    condition = max((name for name in references if len(name) == 1), default="")
    if len(references) > 1 and references.get(condition) in ("0", "1"):
        references.pop(condition)
    numbers: dict[str, str] = {}
    for name, number in references.items():
        numbers.setdefault(number, name)
    if len(numbers) == 1:
        (number, name), *_ = numbers.items()
        return rounded(number) if len(name) == 1 else f"{name} = {rounded(number)}"
    return ", ".join(f"{name} = {rounded(number)}" for number, name in numbers.items())


def rounded(text: str) -> str:
    """Its numbers as people read them: every digit before the point, few after it."""
    return _DIGITS.sub(lambda number: _shorter(number[0]), text)


def _shorter(number: str) -> str:
    fraction = number.partition(".")[2]
    if len(fraction) <= DECIMALS:
        return number
    zeros = len(fraction) - len(fraction.lstrip("0")) if number.lstrip("-").startswith("0.") else 0
    short = f"{float(number):.{DECIMALS if not zeros else zeros + SIGNIFICANT}f}"
    return short.rstrip("0").rstrip(".")
