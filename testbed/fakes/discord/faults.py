"""Faults on demand: which fault, for which request, before or after the message is stored.

    state.faults.next(faults.status(503))                              # the next request
    state.faults.next(faults.timeout(stored=True), operation="create")  # the next create: kept, not answered
    state.faults.nth(3, faults.limited("global", seconds=2))            # the third from now
    state.faults.sometimes(0.1, faults.reset(), seed=7)                 # one in ten, the same ones for a seed

Requests refused by a rate limit meet no fault, and `nth` and `sometimes` do not count them. A fault with
stored=True applies to a request that is stored: when Discord refuses one, its answer goes out and the fault
waits for the next.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, Literal, get_args

from testbed.fakes.discord.answers import Scope
from testbed.fakes.discord.messages import Operation

Kind = Literal["status", "limited", "timeout", "reset", "slow", "hold", "invalid_body"]
Body = Literal["broken_json", "html", "missing_id", "list", "empty"]


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    stored: bool = False
    """The fault takes effect after the message was stored (or changed, or removed), not before."""
    status: int = 500
    code: int | None = None
    message: str | None = None
    errors: Mapping[str, Any] | None = None
    scope: Scope = "user"
    seconds: float | None = None
    """limited: the wait; slow: the delay; timeout and hold: the longest wait (None: until released)."""
    body: Body = "broken_json"

    def __post_init__(self) -> None:
        for name, choices in (("kind", Kind), ("scope", Scope), ("body", Body)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}")

    def __str__(self) -> str:
        detail = {"status": str(self.status), "limited": self.scope, "invalid_body": self.body}.get(
            self.kind, ""
        )
        return " ".join(filter(None, (self.kind, detail, "after storing" if self.stored else "")))


def status(
    status: int, *, stored: bool = False, code: int | None = None, message: str | None = None
) -> Fault:
    """An error answer. 4xx carry Discord's usual code unless one is given; 502 to 504 are a proxy's pages."""
    return Fault("status", stored=stored, status=status, code=code, message=message)


def limited(scope: Scope = "user", *, seconds: float | None = None, code: int | None = None) -> Fault:
    """A 429 that lasts `seconds` (default 1; 60 for the Cloudflare kinds, which do not say so)."""
    return Fault("limited", scope=scope, seconds=seconds, code=code)


def timeout(*, stored: bool = False, seconds: float | None = None) -> Fault:
    """No answer: cut off after `seconds` or `release()`; in process the client times out at once."""
    return Fault("timeout", stored=stored, seconds=seconds)


def reset(*, stored: bool = False) -> Fault:
    """The connection is reset instead of an answer."""
    return Fault("reset", stored=stored)


def slow(seconds: float, *, stored: bool = False) -> Fault:
    return Fault("slow", seconds=seconds, stored=stored)


def hold(*, stored: bool = False, seconds: float | None = None) -> Fault:
    """The true answer, but only after `release()` (or `seconds`): for races that a test wants to arrange."""
    return Fault("hold", stored=stored, seconds=seconds)


def invalid_body(body: Body = "broken_json", *, stored: bool = True) -> Fault:
    """A 200 whose body is not the message it should be."""
    return Fault("invalid_body", body=body, stored=stored)


def from_json(value: Mapping[str, Any]) -> Fault:
    unknown = set(value) - {known.name for known in fields(Fault)}
    if unknown or "kind" not in value:
        raise ValueError(f"a fault needs a kind; unknown: {sorted(unknown)}")
    return Fault(**value)


@dataclass(slots=True)
class Rule:
    fault: Fault
    operation: Operation | None = None
    webhook_id: str | None = None
    containing: str = ""
    """Only requests with this text in their body."""
    left: int | None = 1
    """How often it still applies; None is without end."""
    nth: int | None = None
    probability: float = 1.0
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - repeatable on purpose
    seen: int = 0

    def applies(self, operation: Operation, webhook_id: str, body: str) -> bool:
        if self.left == 0 or (self.operation or operation) != operation:
            return False
        if (self.webhook_id or webhook_id) != webhook_id or self.containing not in body:
            return False
        self.seen += 1
        if self.nth is not None and self.seen < self.nth:
            return False
        return self.probability >= 1 or self.random.random() < self.probability

    def spend(self) -> None:
        if self.left is not None:
            self.left -= 1


class FaultPlan:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def next(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        operation: Operation | None = None,
        webhook_id: str | None = None,
        containing: str = "",
    ) -> None:
        """The next `times` matching requests (None: all); several calls queue up."""
        self.rules.append(
            Rule(fault, operation=operation, webhook_id=webhook_id, containing=containing, left=times)
        )

    def nth(
        self,
        nth: int,
        fault: Fault,
        *,
        operation: Operation | None = None,
        webhook_id: str | None = None,
    ) -> None:
        """The nth matching request from now, counted from 1."""
        self.rules.append(Rule(fault, operation=operation, webhook_id=webhook_id, nth=nth))

    def sometimes(
        self,
        probability: float,
        fault: Fault,
        *,
        seed: int,
        times: int | None = None,
        operation: Operation | None = None,
        webhook_id: str | None = None,
    ) -> None:
        self.rules.append(
            Rule(
                fault,
                operation=operation,
                webhook_id=webhook_id,
                left=times,
                probability=probability,
                random=Random(seed),  # noqa: S311 - repeatable on purpose
            )
        )

    def pick(self, operation: Operation, webhook_id: str, body: str = "") -> Rule | None:
        """The first rule that applies; every rule sees every request, so that no rule shifts another."""
        applying = [rule for rule in self.rules if rule.applies(operation, webhook_id, body)]
        return applying[0] if applying else None

    @property
    def pending(self) -> list[Rule]:
        return [rule for rule in self.rules if rule.left != 0]

    def clear(self) -> None:
        self.rules.clear()
        self.release()

    async def wait(self, seconds: float | None) -> None:
        """Until `release()`, from whichever thread, or `seconds`."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter[1].wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(waiter)

    @property
    def held(self) -> int:
        """Requests that wait for `release()` now."""
        return len(self._waiting)

    def release(self) -> None:
        for loop, event in tuple(self._waiting):
            loop.call_soon_threadsafe(event.set)
