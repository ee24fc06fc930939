"""A fake of Prometheus's query API: answers by the text of the expression, or misbehaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

Labelled = tuple[Mapping[str, str], float | str]
Answer = httpx.Response | Exception | None


@dataclass(slots=True)
class FakePrometheus:
    """Every series is a constant line: an expression's values at any time are its history, too."""

    series: dict[str, Sequence[Labelled]] = field(default_factory=dict)
    """By expression; one that is not here has no result."""
    spans: dict[str, Sequence[tuple[Mapping[str, str], float, float]]] = field(default_factory=dict)
    """By expression, series that are 1 from one Unix time to another, and absent otherwise."""
    misbehave: Callable[[], Answer] = lambda: None
    """What is answered, or raised, instead; None: nothing is."""
    hangs: bool = False
    requests: list[Mapping[str, str]] = field(default_factory=list)
    """The forms, each with its `path`."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    @property
    def queries(self) -> list[str]:
        return [form["query"] for form in self.requests]

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        self.requests.append({**form, "path": request.url.path, "host": request.url.host})
        if self.hangs:
            await asyncio.Event().wait()
        answer = self.misbehave()
        if isinstance(answer, Exception):
            raise answer
        return answer or self._answered(request.url.path, form)

    def _answered(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        series = self.series.get(form["query"], ())
        if path.endswith("/query_range"):
            times = _times(float(form["start"]), float(form["end"]), float(form["step"]))
            lines = [(labels, [[at, str(value)] for at in times]) for labels, value in series]
            for labels, start, end in self.spans.get(form["query"], ()):
                lines.append((labels, [[at, "1"] for at in times if start <= at <= end]))
            return matrix(lines)
        at = float(form["time"])
        return result(
            "vector", [{"metric": dict(labels), "value": [at, str(value)]} for labels, value in series]
        )


def matrix(series: Sequence[tuple[Mapping[str, str], Sequence[Any]]]) -> httpx.Response:
    return result("matrix", [{"metric": dict(labels), "values": values} for labels, values in series])


def result(kind: str, entries: Any) -> httpx.Response:
    body = {"status": "success", "data": {"resultType": kind, "result": entries}}
    return httpx.Response(200, content=json.dumps(body))


def endless() -> httpx.Response:
    """A body that never ends."""
    return httpx.Response(200, stream=_Endless())


@dataclass(slots=True)
class Bytes(httpx.AsyncByteStream):
    """A body that is sent as it is."""

    content: bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content


class _Endless(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536


def _times(start: float, end: float, step: float) -> list[float]:
    return [start + index * step for index in range(int((end - start) / step) + 1)]
