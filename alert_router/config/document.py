"""A YAML file as plain values, each with the line and column where it stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from alert_router.config.problems import ConfigError, Problem

Location = tuple[str | int, ...]
"""Keys and indices, from the top of the file down."""
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_DECIMAL = re.compile("0|-?[1-9][0-9]{0,99}")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Document:
    file: str
    data: Any
    marks: Mapping[Location, tuple[int, int]]
    """Line and column, from 1: of the key in a mapping, of the item in a list."""

    def problem(self, location: Location, message: str) -> Problem:
        """At the location, or at the nearest that exists above it."""
        nearest = location
        while nearest and nearest not in self.marks:
            nearest = nearest[:-1]
        line, column = self.marks.get(nearest, (1, 1))
        where = words(location)
        return Problem(self.file, line, column, f"{where}: {message}" if where else message)


def words(location: Location) -> str:
    """As a reader writes it: route.routes[0].channel."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def read(path: Path) -> Document:
    """Raises ConfigError when the file cannot be read or is not YAML."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), 0, 0, "is not UTF-8")]) from None


def parse(text: str, file: str) -> Document:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line, column = _place(error.problem_mark or error.context_mark)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError([Problem(file, line, column, f"is not YAML: {reason}")]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigError(
            [Problem(file, *place, f"holds a character that YAML forbids: {error.reason}")]
        ) from None
    except RecursionError:
        raise ConfigError([Problem(file, 0, 0, "is nested too deeply")]) from None
    if node is None:
        raise ConfigError([Problem(file, 0, 0, "is empty")])
    return _Constructor(file).document(node)


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


class _Constructor:
    """Scalars are read as YAML 1.1 does, but for numbers and dates that people mean as text: 22:00, 0777."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._marks: dict[Location, tuple[int, int]] = {}
        self._problems: list[Problem] = []
        self._open: list[Node] = []

    def document(self, node: Node) -> Document:
        data = self._value(node, ())
        if self._problems:
            raise ConfigError(self._problems)
        return Document(self._file, data, self._marks)

    def _value(self, node: Node, location: Location) -> Any:
        if node in self._open:
            self._fault(node, "this anchor contains itself")
            return None
        self._open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, location)
            if isinstance(node, SequenceNode):
                return self._sequence(node, location)
            return self._scalar(node)
        finally:
            self._open.pop()

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in self._entries(node):
            key = key_node.value
            self._marks[*location, key] = _place(key_node.start_mark)
            mapping[key] = self._value(value_node, (*location, key))
        return mapping

    def _entries(self, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
        """The mapping's own entries, then those merged into it with `<<` that it does not have itself."""
        own: dict[str, int] = {}
        merged: list[MappingNode] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._merged(value_node)
            elif not isinstance(key_node, ScalarNode):
                self._fault(key_node, "a key must be text")
            elif key_node.value in own:
                line = own[key_node.value]
                self._fault(key_node, f'the key "{key_node.value}" stands here twice; first on line {line}')
            else:
                own[key_node.value] = _place(key_node.start_mark)[0]
                yield key_node, value_node
        for other in merged:
            for key_node, value_node in self._entries(other):
                if key_node.value not in own:
                    own[key_node.value] = 0
                    yield key_node, value_node

    def _merged(self, node: Node) -> list[MappingNode]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        if not all(isinstance(each, MappingNode) and each not in self._open for each in nodes):
            self._fault(node, "<< merges mappings only")
            return []
        return list(nodes)

    def _sequence(self, node: SequenceNode, location: Location) -> list[Any]:
        for index, item in enumerate(node.value):
            self._marks[*location, index] = _place(item.start_mark)
        return [self._value(item, (*location, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: Node) -> Any:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool" if text.lower() in yaml.SafeLoader.bool_values:
                return yaml.SafeLoader.bool_values[text.lower()]
            case "int" if _DECIMAL.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text):
                return float(text)
            case "str" | "int" | "float" | "timestamp" | "value":
                return text
            case _:
                self._fault(node, f"unknown tag {node.tag}")
                return None

    def _fault(self, node: Node, message: str) -> None:
        self._problems.append(Problem(self._file, *_place(node.start_mark), message))
