"""What tasks leave in XCom: a value that was not measured is absent, and no number stands for it."""

from collections.abc import Mapping
from typing import Any

XCom = dict[str, Any]


def without_none(values: Mapping[str, Any]) -> XCom:
    return {name: value for name, value in values.items() if value is not None}
