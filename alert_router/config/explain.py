"""Pydantic's findings in the words of a reader of the file."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from alert_router.config import values
from alert_router.config.document import Location
from alert_router.config.problems import suggestion
from alert_router.config.schema import FileSection

KEY = "[key]"
"""How pydantic marks an error in the key of a mapping rather than in its value."""
WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
}
ELSEWHERE = {
    "receiver": "channel",
    "receivers": "channels",
    "match": "matchers",
    "match_re": "matchers",
    "matcher": "matchers",
    "repeat_interval": "remind_every",
    "mute_time_intervals": "quiet_hours",
    "active_time_intervals": "quiet_hours",
    "send_resolved": "notify_resolved",
    "url": "webhook_url",
    "url_file": "webhook_url_file",
}
"""The keys of Alertmanager and others, with the name of the same key here."""


def finding(error: ErrorDetails, section: type[BaseModel] = FileSection) -> tuple[Location, str]:
    """section: the whole file's, in which an unknown key is looked for."""
    location = tuple(part for part in error["loc"] if part != KEY)
    kind = error["type"]
    if kind == "extra_forbidden":
        return location, _unknown_key(location, section)
    if kind == "missing":
        return location[:-1], f'the key "{location[-1]}" is missing'
    if kind in WANTED:
        hint = "; put it in quotes" if kind == "string_type" else ""
        return location, f"must be {WANTED[kind]}, not {values.kind(error['input'])}{hint}"
    if kind in ("too_short", "too_long"):
        limits = error["ctx"]
        bound = (
            f"at least {limits['min_length']}" if kind == "too_short" else f"at most {limits['max_length']}"
        )
        return location, f"must have {bound} of them, not {limits['actual_length']}"
    return location, str(error["ctx"]["error"]) if kind == "value_error" else error["msg"]


def _unknown_key(location: Location, section: type[BaseModel]) -> str:
    key = str(location[-1])
    known = list(_keys_at(section, location[:-1]))
    if ELSEWHERE.get(key) in known:
        return f'unknown key "{key}"; it is called "{ELSEWHERE[key]}" here'
    return f'unknown key "{key}"{suggestion(key, known)}'


def _keys_at(annotation: Any, location: Location) -> Iterator[str]:
    """The keys of the section that a location leads to."""
    for section in _sections(annotation):
        fields = {field.alias or name: field.annotation for name, field in section.model_fields.items()}
        if not location:
            yield from fields
        elif location[0] in fields:
            rest = location[1:]
            inner = fields[str(location[0])]
            is_container = any(get_origin(part) in (dict, list) for part in (inner, *get_args(inner)))
            yield from _keys_at(inner, rest[1:] if is_container else rest)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type such as `dict[Severity, Section] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)
