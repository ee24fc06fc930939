"""The operations of the OpenAPI document, for a page without scripts or third-party hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    tag: str
    spec: Mapping[str, Any]
    """As OpenAPI has it."""


def operations(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    """In the order of the document."""
    return tuple(
        Operation(method.upper(), path, spec["tags"][0], spec)
        for path, item in document["paths"].items()
        for method, spec in item.items()
    )
