"""Posts one event to the router and classifies its answer. The outbox keeps the event until it is sent."""

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from dags.pipeline.retry import RetryPolicy, Sleep, Unavailable

# A task waits for this at its end, so seconds and not minutes: the next run sends what is not sent now.
RETRY_POLICY = RetryPolicy(attempts=3, first_wait_s=0.5, max_wait_s=2.0)
TIMEOUT_S = 3.0
PERMANENT_STATUSES = frozenset({400, 413, 422})
"""The body is wrong and will be tomorrow. People mend the other refusals (token, address)."""


@dataclass(frozen=True, slots=True)
class Sent:
    new: bool
    """False: the router had it from an earlier try."""


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
    sleep: Sleep
    retry_policy: RetryPolicy = RETRY_POLICY

    def post(self, body: str) -> Outcome:
        headers = {"Content-Type": "application/json"}
        try:
            response = self.retry_policy.send(
                lambda: self.client.post("/events", content=body, headers=headers), self.sleep
            )
        except Unavailable as unavailable:
            return TryAgain(str(unavailable))
        return classify(response.status_code, response.text)


def classify(status: int, text: str) -> Outcome:
    match status:
        case 200 | 201:
            return Sent(new=status == 201)  # noqa: PLR2004 - HTTP's own number
        case _ if status in PERMANENT_STATUSES:
            return Refused(f"HTTP {status}: {text[:300]}")
        case _:
            return TryAgain(f"HTTP {status}")


def client(url: str, token: SecretStr | None, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S, transport=transport)
