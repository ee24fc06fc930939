"""A fake router in memory, and the hour at which the pipeline's tests take place."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

NOON = datetime(2020, 11, 18, 12, tzinfo=UTC)


@dataclass
class FakeRouter:
    """Answers POST /events with the next of `answers`, 0 for a refused connection, and then with 201."""

    answers: list[int] = field(default_factory=list)
    accepted: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.answers.pop(0) if self.answers else 201
        if status == 0:
            raise httpx.ConnectError("refused", request=request)
        if status in (200, 201):
            self.accepted.append(request)
        return httpx.Response(status, text=f"answer {status}")

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)
