"""Asks one Prometheus. Answers are bounded in time and size, and their content is taken for a stranger's."""

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

MAX_BYTES = 1024 * 1024
"""Of an answer: some 300 series of 100 points, or 6,000 values. Parsed, that is 15 MB for a moment."""
TIMEOUT_S = 2.5
SERVER_SHARE = 0.8
"""Of the timeout: Prometheus itself gives up then, and does not work on for nobody."""
MAX_LABEL_CHARS = 500

Labels = Mapping[str, str]


class PrometheusError(Exception):
    """There is no answer that can be used. The text says why, without the URL."""


class PrometheusAway(PrometheusError):
    """It was not reached, or had no answer in time: the next question would go the same way."""


class PrometheusLate(PrometheusAway):
    """It had no answer in time."""


class TooLarge(PrometheusError):
    """The answer was cut off at MAX_BYTES."""


@dataclass(frozen=True, slots=True)
class Sample:
    labels: Labels
    """Without the metric's name; empty for a scalar."""
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    labels: Labels
    points: tuple[tuple[float, float], ...]
    """Unix time and value, in the order of time; all finite."""


class Prometheus:
    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """url: without a slash at the end."""
        self._http = http
        self._url = url
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    async def values(self, expression: str, at: datetime) -> tuple[Sample, ...]:
        """The finite values at the moment. Raises PrometheusError."""
        data = await self._ask("query", {"query": expression, "time": _text(at.timestamp())})
        return await asyncio.to_thread(_values, data)

    async def history(self, expression: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        """Raises PrometheusError."""
        times = {"start": _text(start), "end": _text(end), "step": _text(step_s)}
        data = await self._ask("query_range", {"query": expression, **times})
        return await asyncio.to_thread(_history, data)

    async def _ask(self, path: str, form: Mapping[str, str]) -> bytes:
        """The body of a good answer. A redirect is none: it could lead anywhere."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(
                    "POST",
                    f"{self._url}/api/v1/{path}",
                    data={**form, "timeout": f"{self._timeout_s * SERVER_SHARE:g}s"},
                    # A compressed answer can be a thousand times as large once it is read.
                    headers={"Accept-Encoding": "identity"},
                    timeout=self._timeout_s,
                    follow_redirects=False,
                ) as response,
            ):
                return await self._read(response)
        except TimeoutError:
            raise PrometheusLate(f"no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PrometheusAway(f"not reached ({type(error).__name__})") from None

    async def _read(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise PrometheusError(f"HTTP {response.status_code}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise PrometheusError("a compressed answer")
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._max_bytes:
                raise TooLarge(f"more than {self._max_bytes} bytes")
        return bytes(body)


def _text(seconds: float) -> str:
    return f"{seconds:.3f}"


def _values(body: bytes) -> tuple[Sample, ...]:
    kind, result = _result(body)
    if kind == "scalar":
        result = [{"metric": {}, "value": result}]
    elif kind != "vector":
        raise PrometheusError(f"the result is no vector, but {kind!r:.20}")
    samples = ((_labels(entry), _point(entry.get("value"))) for entry in _entries(result))
    return tuple(Sample(labels, point[1]) for labels, point in samples if point is not None)


def _history(body: bytes) -> tuple[Series, ...]:
    kind, result = _result(body)
    if kind != "matrix":
        raise PrometheusError(f"the result is no matrix, but {kind!r:.20}")
    series = (Series(_labels(entry), _points(entry.get("values"))) for entry in _entries(result))
    return tuple(one for one in series if one.points)


def _result(body: bytes) -> tuple[Any, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise PrometheusError("the answer is no JSON") from None
    data = answer.get("data") if isinstance(answer, dict) and answer.get("status") == "success" else None
    if not isinstance(data, dict):
        raise PrometheusError("the answer is not Prometheus's")
    return data.get("resultType"), data.get("result")


def _entries(result: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(result, list):
        raise PrometheusError("the result is no list")
    return (entry for entry in result if isinstance(entry, dict))


def _labels(entry: Mapping[str, Any]) -> Labels:
    metric = entry.get("metric")
    if not isinstance(metric, dict):
        return {}
    return {name: str(text)[:MAX_LABEL_CHARS] for name, text in metric.items() if name != "__name__"}


def _points(values: Any) -> tuple[tuple[float, float], ...]:
    points = map(_point, values) if isinstance(values, list) else ()
    return tuple(sorted(point for point in points if point is not None))


def _point(value: Any) -> tuple[float, float] | None:
    """None for NaN, infinity and what is no point."""
    try:
        at, number = value
        point = float(at), float(number)
    except (TypeError, ValueError):
        return None
    return point if all(map(math.isfinite, point)) else None
