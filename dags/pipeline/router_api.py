"""Posts one event to the router and says how it went. Keeping it is the outbox's business."""

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from dags.pipeline import retry
from dags.pipeline.retry import Patience, Unavailable, Wait

# A task waits for this at its end, so seconds and not minutes: what is not told now is told by the next run.
PATIENCE = Patience(tries=3, first_wait_s=0.5, longest_wait_s=2.0)
TIMEOUT_S = 3.0
NEVER = frozenset({400, 413, 422})
"""The body is wrong and will be tomorrow. Other refusals (token, address) are mended by people."""


@dataclass(frozen=True, slots=True)
class Sent:
    new: bool
    """False: the router knew it, from an earlier try."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str


Outcome = Sent | TryAgain | Refused


@dataclass(frozen=True, slots=True)
class RouterApi:
    client: httpx.Client
    wait: Wait
    patience: Patience = PATIENCE

    def post(self, body: str) -> Outcome:
        headers = {"Content-Type": "application/json"}
        try:
            response = retry.answered(
                lambda: self.client.post("/events", content=body, headers=headers), self.patience, self.wait
            )
        except Unavailable as unavailable:
            return TryAgain(str(unavailable))
        return outcome(response.status_code, response.text)


def outcome(status: int, text: str) -> Outcome:
    match status:
        case 200 | 201:
            return Sent(new=status == 201)  # noqa: PLR2004 - HTTP's own number
        case _ if status in NEVER:
            return Refused(f"HTTP {status}: {text[:300]}")
        case _:
            return TryAgain(f"HTTP {status}")


def client(url: str, token: SecretStr | None, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S, transport=transport)
