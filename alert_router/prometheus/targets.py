"""Which Prometheus is asked about an alert, and whether it is worth asking now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpx

from alert_router.config import ConfigurationHolder
from alert_router.prometheus.client import Prometheus, PrometheusAway, PrometheusLate

T = TypeVar("T")
BUDGET_S = 3.0
"""For all that is asked at once about one card."""
PAUSE_S = 30.0
"""After a Prometheus had no answer, nothing waits for it for so long."""


@dataclass(slots=True)
class _Target:
    prometheus: Prometheus
    away_until: float = 0.0
    """By the steady clock."""


class Prometheuses:
    """The configured ones, each for the alerts that its matchers match; a default for the others."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        configuration: ConfigurationHolder,
        default_url: str,
        steady: Callable[[], float],
    ) -> None:
        """default_url: empty where there is none."""
        self._http = http
        self._configuration = configuration
        self._default_url = default_url
        self._steady = steady
        self._targets: dict[str, _Target] = {}

    def any_for(self, labels: Mapping[str, str]) -> bool:
        """Whether there is one to ask now."""
        target = self._target(labels)
        return target is not None and self._steady() >= target.away_until

    def all(self, *, timeout_s: float, max_bytes: int) -> list[Prometheus]:
        """Each of them once, to be asked for more than a card waits for."""
        urls = dict.fromkeys(
            (*(section.url for section in self._configuration.current.prometheus), self._default_url)
        )
        return [Prometheus(self._http, url, timeout_s=timeout_s, max_bytes=max_bytes) for url in urls if url]

    async def ask(self, labels: Mapping[str, str], question: Callable[[Prometheus], Awaitable[T]]) -> T:
        """labels: the alert's. Raises PrometheusError."""
        target = self._target(labels)
        if target is None:
            raise PrometheusAway("there is none for these labels")
        if self._steady() < target.away_until:
            raise PrometheusAway("it had no answer a moment ago")
        try:
            async with asyncio.timeout(BUDGET_S):
                return await question(target.prometheus)
        except TimeoutError:
            self._pause(target)
            raise PrometheusLate(f"no answers within {BUDGET_S:g} s") from None
        except PrometheusAway:
            self._pause(target)
            raise

    def _pause(self, target: _Target) -> None:
        target.away_until = self._steady() + PAUSE_S

    def _target(self, labels: Mapping[str, str]) -> _Target | None:
        configured = self._configuration.current.prometheus
        matching = (
            section.url
            for section in configured
            if all(matcher.matches(labels) for matcher in section.matchers)
        )
        url = next(matching, self._default_url)
        if not url:
            return None
        if url not in self._targets:
            self._targets[url] = _Target(Prometheus(self._http, url))
        return self._targets[url]
