"""Live updates: who listens hears of each change, and costs the database one query a second at most."""

import asyncio
from collections.abc import AsyncIterator

from alert_router.web.live_updates import LiveUpdates
from testbed.factories import NOON, at, make_signal
from testbed.router_harness import RouterHarness, until

CHANGE = "event: change\ndata:\n\n"
FIRST = "retry: 3000\n\n"
POLL_S = 0.01


def live_of(harness: RouterHarness, **limits: int) -> LiveUpdates:
    return LiveUpdates(harness.store, poll_s=POLL_S, **limits)


async def next_of(stream: AsyncIterator[str]) -> str:
    async with asyncio.timeout(10):
        return await anext(stream)


def test_listener_hears_of_a_change_after_its_page(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    async def first_two() -> list[str]:
        stream = live_of(harness).stream(NOON.replace(year=2000))
        return [await next_of(stream), await next_of(stream)]

    assert harness.run(first_two()) == [FIRST, CHANGE]


def test_listener_hears_of_a_change_while_it_listens(harness: RouterHarness) -> None:
    async def heard() -> str:
        live = live_of(harness)
        stream = live.stream(at(60 * 24 * 365))
        await next_of(stream)
        await asyncio.to_thread(until, lambda: live.version is not None)
        await harness.accepting(make_signal())
        return await next_of(stream)

    assert harness.run(heard()) == CHANGE


def test_number_of_listeners_is_bounded(harness: RouterHarness) -> None:
    async def fill() -> list[bool]:
        live = live_of(harness, max_listeners=1)
        stream = live.stream(None)
        await next_of(stream)
        full = live.is_full
        await stream.aclose()  # type: ignore[attr-defined] # an async generator
        return [full, live.is_full]

    assert harness.run(fill()) == [True, False]


def test_close_ends_the_streams_and_admits_no_more(harness: RouterHarness) -> None:
    async def rest() -> list[str]:
        live = live_of(harness)
        stream = live.stream(None)
        await next_of(stream)
        live.close()
        assert live.is_full
        return [item async for item in stream]

    assert harness.run(rest()) == []


def test_nobody_is_asked_while_nobody_listens(harness: RouterHarness) -> None:
    async def after_the_last() -> bool:
        live = live_of(harness)
        stream = live.stream(None)
        await next_of(stream)
        await stream.aclose()  # type: ignore[attr-defined] # an async generator
        return live.is_polling

    assert harness.run(after_the_last()) is False
