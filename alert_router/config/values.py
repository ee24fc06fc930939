"""Single values of the configuration. Each function returns the value, or raises ValueError with a sentence.

Of a wrong type too: ValueErrors are what pydantic collects.
"""

import re
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import jinja2
from pydantic import SecretStr

from alert_router.config import durations, webhook_urls
from alert_router.config.problems import suggestion
from alert_router.domain import matchers
from alert_router.domain.matchers import Matcher
from alert_router.domain.severity import Severity

SEVERITIES = {severity.word: severity for severity in Severity}
TAG_KEYS = (*SEVERITIES, "firing", "resolved", "acknowledged")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEVER = "never"
MAX_URL_CHARS = 2048
MAX_USERNAME_CHARS = 80
MAX_SNOWFLAKE_DIGITS = 20
FORBIDDEN_IN_USERNAMES = ("discord", "clyde")
"""Discord refuses every message under such a name with 400."""
FORBIDDEN_USERNAMES = ("everyone", "here")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?")


def kind(value: Any) -> str:
    """How a reader of YAML calls it."""
    names = {bool: "true or false", int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return "empty" if value is None else names.get(type(value), "text")


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    hint = "; put it in quotes" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"must be text, not {kind(value)}{hint}")


def severity(value: Any) -> Severity:
    if isinstance(value, Severity):
        return value
    word = text(value)
    if word not in SEVERITIES:
        raise ValueError(f'unknown severity "{word}"{suggestion(word, SEVERITIES)}')
    return SEVERITIES[word]


def severity_or_never(value: Any) -> Severity | None:
    return None if value == NEVER else severity(value)


def duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write a duration like 30s, 5m, 4h or 1d12h")  # noqa: TRY004
    return durations.parse(text(value))


def duration_or_never(value: Any) -> timedelta | None:
    return None if value == NEVER else duration(value)


def snowflake(value: Any) -> str:
    """An id of Discord's. Many tools read YAML's numbers with 53 bits, so that the last digits change."""
    if isinstance(value, float):
        raise ValueError("has lost digits as a number; copy the id from Discord again and put it in quotes")  # noqa: TRY004
    if isinstance(value, int):
        raise ValueError(f'must be in quotes, "{value}": as a number, an id can lose its last digits')  # noqa: TRY004
    word = text(value)
    if not (word.isascii() and word.isdigit() and len(word) <= MAX_SNOWFLAKE_DIGITS):
        raise ValueError(f'"{word}" is not a Discord id, which has digits only')
    return word


def time_of_day(value: Any) -> time:
    """24:00 is the end of the day."""
    word = text(value)
    match = _TIME.fullmatch(word)
    if match is None and word != "24:00":
        raise ValueError(f'"{word}" is not a time of the day; write it like "22:00"')
    return time(int(match.group(1)), int(match.group(2))) if match else time()


def day(value: Any) -> int:
    """Monday is 0."""
    word = text(value)
    if word not in DAYS:
        raise ValueError(f'unknown day "{word}"{suggestion(word, DAYS)}')
    return DAYS.index(word)


def zone(value: Any) -> ZoneInfo:
    name = text(value)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'unknown time zone "{name}"{suggestion(name, available_timezones())}') from None


def matcher_list(value: Any) -> tuple[Matcher, ...]:
    parsed = matchers.parse_list(text(value))
    if not parsed:
        raise ValueError("holds no matcher")
    return parsed


def username(value: Any) -> str:
    name = text(value)
    if not name.strip() or len(name) > MAX_USERNAME_CHARS:
        raise ValueError(f"must have 1 to {MAX_USERNAME_CHARS} characters")
    forbidden = next((word for word in FORBIDDEN_IN_USERNAMES if word in name.casefold()), None)
    if forbidden or name.casefold().strip() in FORBIDDEN_USERNAMES:
        raise ValueError(f'Discord refuses a name with "{forbidden or name}" in it')
    return name


def link(value: Any) -> str:
    url = text(value)
    parts = webhook_urls.split(url)
    if parts is None or any(char.isspace() for char in url) or len(url) > MAX_URL_CHARS:
        raise ValueError("must be an http or https URL")
    return url


def template(value: Any) -> str:
    source = text(value)
    try:
        jinja2.Environment(autoescape=False).parse(source)  # noqa: S701 - a title of Discord's, not HTML
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"is not a Jinja template: {error.message}") from None
    if not source.strip():
        raise ValueError("must not be empty")
    return source


def secret(value: Any) -> SecretStr:
    """The URL of a webhook, without the invisible characters around it."""
    if isinstance(value, SecretStr):
        return value
    url, _ = webhook_urls.cleaned(text(value))
    return SecretStr(webhook_urls.check(url))


def tag_key(value: Any) -> str:
    word = text(value)
    if word not in TAG_KEYS:
        raise ValueError(f'unknown severity or status "{word}"{suggestion(word, TAG_KEYS)}')
    return word
