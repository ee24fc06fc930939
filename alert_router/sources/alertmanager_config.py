"""What Alertmanager's configuration says about when its webhooks are due."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

import yaml

from alert_router.config import durations

GROUP_WAIT = timedelta(seconds=30)
GROUP_INTERVAL = timedelta(minutes=5)
"""Alertmanager's own defaults."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=8)
def longest_wait(original: str) -> timedelta:
    """How long an alert may stand before a webhook brings it, by the slowest route of this configuration.

    original: the YAML, as the API returns it. Alertmanager's defaults count where it cannot be read.
    """
    try:
        root = yaml.load(original, Loader=_Loader)  # noqa: S506 - a safe loader, in C where there is one
        return max(_waits(root["route"], GROUP_WAIT, GROUP_INTERVAL))
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return GROUP_WAIT + GROUP_INTERVAL


def _waits(route: Mapping[str, Any], group_wait: timedelta, group_interval: timedelta) -> Iterator[timedelta]:
    """A route inherits what it does not set."""
    group_wait = _duration(route.get("group_wait"), group_wait)
    group_interval = _duration(route.get("group_interval"), group_interval)
    yield group_wait + group_interval
    for child in route.get("routes") or ():
        yield from _waits(child, group_wait, group_interval)


def _duration(text: str | None, inherited: timedelta) -> timedelta:
    if text is None:
        return inherited
    return durations.parse(text) if text.strip("0smhdwy") else timedelta()
