"""The OpenAPI document as a page without scripts or third-party hosts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    """path, query or header."""
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    tag: str
    title: str
    text: str
    parameters: tuple[Parameter, ...]
    example: str
    """An example body as JSON; empty when there is no body."""
    answers: tuple[tuple[str, str], ...]
    """Status and description."""


def operations(document: Document) -> tuple[Operation, ...]:
    """In the order of the document."""
    return tuple(
        _operation(path, method, item[method])
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    )


def _operation(path: str, method: str, spec: Document) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        tag=next(iter(spec.get("tags", ())), "other"),
        title=spec.get("summary", ""),
        text=spec.get("description", ""),
        parameters=tuple(_parameters(spec.get("parameters", ()))),
        example=_example(spec.get("requestBody", {})),
        answers=tuple(
            (code, answer.get("description", "")) for code, answer in spec.get("responses", {}).items()
        ),
    )


def _parameters(specs: Sequence[Document]) -> Iterator[Parameter]:
    for spec in specs:
        text = spec.get("description") or spec.get("schema", {}).get("description", "")
        yield Parameter(spec["name"], spec["in"], bool(spec.get("required")), text)


def _example(body: Document) -> str:
    example = body.get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)
