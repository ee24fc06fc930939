"""The operations of the OpenAPI document, for a page without scripts or third-party hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


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
        Operation(method.upper(), path, next(iter(item[method].get("tags", ())), "other"), item[method])
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    )
