"""Sends an HTTP request until it is answered for good or the tries are used up. Waiting is an argument."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

Wait = Callable[[float], None]
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
asleep: Wait = time.sleep  # noqa: TID251 - the one real wait: a server's pause has no condition to look at


class Unavailable(Exception):
    """No answer worth having; it may be different later. The text holds no URL, because URLs hold secrets."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits double from first_wait_s; a server that asks for more than longest_wait_s is not waited for."""

    tries: int
    first_wait_s: float
    longest_wait_s: float

    def wait_s(self, failures: int, asked_s: float | None) -> float | None:
        """None: give up."""
        if failures >= self.tries or (asked_s or 0) > self.longest_wait_s:
            return None
        return max(asked_s or 0.0, min(self.first_wait_s * 2.0 ** (failures - 1), self.longest_wait_s))


@dataclass(frozen=True, slots=True)
class Trouble:
    reason: str
    asked_s: float | None = None


def answered(send: Callable[[], httpx.Response], patience: Patience, wait: Wait) -> httpx.Response:
    """A final answer: 2xx, 3xx or a 4xx other than 429. Raises Unavailable."""
    failures = 0
    while True:
        match _attempt(send):
            case httpx.Response() as response:
                return response
            case Trouble() as trouble:
                failures += 1
                pause_s = patience.wait_s(failures, trouble.asked_s)
                if pause_s is None:
                    raise Unavailable(f"{trouble.reason} (tries: {failures})")
                wait(pause_s)


def _attempt(send: Callable[[], httpx.Response]) -> httpx.Response | Trouble:
    try:
        response = send()
    except httpx.HTTPError as error:
        return Trouble(type(error).__name__)
    if response.status_code == TOO_MANY_REQUESTS or response.status_code >= SERVER_ERROR:
        response.close()
        return Trouble(f"HTTP {response.status_code}", _retry_after_s(response))
    return response


def _retry_after_s(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
