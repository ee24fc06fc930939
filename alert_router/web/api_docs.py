"""The HTTP API for people, from the OpenAPI document: a page that needs no script and no other host."""

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
    """A body to send, as JSON; empty when it takes none."""
    answers: tuple[tuple[str, str], ...]
    """Status and what it means."""


def operations(document: Document) -> tuple[Operation, ...]:
    """In the order of the document."""
    return tuple(
        _operation(path, method, item[method])
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    )


def _operation(path: str, method: str, said: Document) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        tag=next(iter(said.get("tags", ())), "other"),
        title=said.get("summary", ""),
        text=said.get("description", ""),
        parameters=tuple(_parameters(said.get("parameters", ()))),
        example=_example(said.get("requestBody", {})),
        answers=tuple((code, one.get("description", "")) for code, one in said.get("responses", {}).items()),
    )


def _parameters(said: Sequence[Document]) -> Iterator[Parameter]:
    for one in said:
        text = one.get("description") or one.get("schema", {}).get("description", "")
        yield Parameter(one["name"], one["in"], bool(one.get("required")), text)


def _example(body: Document) -> str:
    example = body.get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)
