"""Collects what is wrong with a form, in Discord's nested shape, and checks single values.

Every check takes the path of the value, notes what is wrong and hands back a usable value, so that all
problems of a form come out in one answer as they do from Discord.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from testbed.fakes.discord import limits
from testbed.fakes.discord.answers import Refused

Path = tuple[str | int, ...]

SNOWFLAKE = re.compile(r"0|[1-9][0-9]{0,19}")
HOST = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]*[^\W\d][\w-]*")
ISO8601 = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")


class Problems:
    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}
        self.unknown_keys: list[str] = []

    def add(self, path: Path, code: str, message: str) -> None:
        node = self.tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def refuse_if_any(self) -> None:
        if self.tree:
            raise invalid_form(self.tree)

    def known(self, path: Path, value: Mapping[str, Any], keys: Collection[str]) -> None:
        """Discord ignores unknown keys; they are remembered because a client that sends them has a bug."""
        self.unknown_keys.extend(".".join(map(str, (*path, key))) for key in value if key not in keys)

    # --- single values: None is the same as absent throughout, as it is for Discord

    def required(self, path: Path) -> None:
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def text(self, path: Path, value: Any, longest: int, *, shortest: int = 0) -> str:
        """The trimmed text; empty when absent or wrong."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return ""
        trimmed = value.strip()
        if shortest and not shortest <= len(trimmed) <= longest:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {shortest} and {longest} in length.")
        elif len(trimmed) > longest:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
        return trimmed

    def needed_text(self, path: Path, value: Any, longest: int) -> str:
        trimmed = self.text(path, value, longest)
        if value is None or (isinstance(value, str) and not trimmed):
            self.required(path)
        return trimmed

    def url(
        self,
        path: Path,
        value: Any,
        *,
        longest: int = limits.URL_CHARS,
        schemes: Sequence[str] = ("http", "https"),
    ) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        trimmed = self.text(path, value, longest)
        scheme = trimmed.partition(":")[0].lower() if "://" in trimmed else ""
        if scheme and scheme not in schemes:
            known = ", ".join(f"'{name}'" for name in schemes)
            self.add(
                path,
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{scheme}" is not supported. Scheme must be one of ({known}).',
            )
        elif not is_well_formed_url(trimmed):
            self.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")

    def whole(self, path: Path, value: Any, *, lowest: int = 0, highest: int = 2**53) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        if value < lowest:
            self.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {lowest}.")
            return None
        if value > highest:
            self.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {highest}.")
            return None
        return value

    def boolean(self, path: Path, value: Any) -> None:
        if value is not None and not isinstance(value, bool):
            self.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")

    def snowflake(self, path: Path, value: Any) -> None:
        if not (isinstance(value, str) and SNOWFLAKE.fullmatch(value) and int(value) < 2**64):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')

    def time(self, path: Path, value: Any) -> None:
        if value is not None and not is_iso8601(value):
            self.add(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")

    def object(self, path: Path, value: Any) -> Mapping[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return None
        return value

    def items(self, path: Path, value: Any, most: int) -> Sequence[Any]:
        """The items; none when the value is absent, no list, or too long."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return ()
        if len(value) > most:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return ()
        return value


def invalid_form(tree: Mapping[str, Any]) -> Refused:
    return Refused(400, 50035, "Invalid Form Body", tree)


def is_iso8601(value: Any) -> bool:
    if not isinstance(value, str) or not ISO8601.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_well_formed_url(value: str) -> bool:
    """http://alertmanager:9093 is refused: Discord wants a dot in the host, or an IP address."""
    if any(char.isspace() or ord(char) < 0x20 for char in value):
        return False
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return False
    if parts.scheme == "attachment":
        return bool(parts.netloc)
    return bool(parts.scheme) and is_public_host(parts.hostname or "")


def is_public_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return HOST.fullmatch(host) is not None
    return True
