"""Repeats an HTTP request until the answer is final or the attempts are used up: tenacity with our policy."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

Sleep = Callable[[float], None]
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


class Unavailable(Exception):
    """No final answer; it may be different later. The text holds no URL, because URLs hold secrets."""


class _Transient(Exception):
    """One attempt failed in a way that may pass."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses double from first_wait_s. A server that asks for more than max_wait_s is not waited for."""

    attempts: int
    first_wait_s: float
    max_wait_s: float

    def send(self, request: Callable[[], httpx.Response], sleep: Sleep) -> httpx.Response:
        """Returns a final answer: 2xx, 3xx or a 4xx other than 429. Raises Unavailable."""
        retrying = Retrying(
            retry=retry_if_exception_type(_Transient),
            stop=self._is_over,
            wait=self._wait_s,
            sleep=sleep,
            retry_error_callback=_give_up,
        )
        return retrying(_attempt, request)

    def _is_over(self, state: RetryCallState) -> bool:
        return state.attempt_number >= self.attempts or _retry_after_s(state) > self.max_wait_s

    def _wait_s(self, state: RetryCallState) -> float:
        backoff = wait_exponential(multiplier=self.first_wait_s, max=self.max_wait_s)
        return max(_retry_after_s(state), backoff(state))


def _attempt(request: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        response = request()
    except httpx.HTTPError as error:
        raise _Transient(type(error).__name__) from None
    if response.status_code == TOO_MANY_REQUESTS or response.status_code >= SERVER_ERROR:
        response.close()
        retry_after = response.headers.get("retry-after", "")
        raise _Transient(f"HTTP {response.status_code}", float(retry_after) if retry_after.isdigit() else 0.0)
    return response


def _give_up(state: RetryCallState) -> httpx.Response:
    raise Unavailable(f"{_error(state)} (tries: {state.attempt_number})") from None


def _retry_after_s(state: RetryCallState) -> float:
    error = _error(state)
    return error.retry_after_s if isinstance(error, _Transient) else 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
