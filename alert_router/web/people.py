"""Computes people's questions and pages: in threads of their own, a few at a time, with a bounded queue.

Nothing else runs in these threads, so whoever sends alerts, delivers cards or scrapes never waits for people.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request

from alert_router.store.engine import MAX_QUESTIONS, TookTooLong
from alert_router.store.questions import Question
from alert_router.web.problems import Problem

T = TypeVar("T")
MAX_WAITING = 32
PATIENCE_S = 0.2
"""A question that takes longer is given up when its client hangs up."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class People:
    """The threads, and who waits for one."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MAX_QUESTIONS, "people")
        self._asked: set[Question] = set()

    async def compute(self, work: Callable[[], T], request: Request, question: Question | None = None) -> T:
        """Raises Problem (503) when too many wait, ClientGone when the client hangs up."""
        if len(self._asked) >= MAX_QUESTIONS + MAX_WAITING:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many people ask at once; ask again in a second"
            )
        question = question or Question()
        self._asked.add(question)
        try:
            return await self._answer(work, request, question)
        finally:
            question.given_up.set()
            self._asked.discard(question)

    async def _answer(self, work: Callable[[], T], request: Request, question: Question) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._threads, _unless_over, work, question)
        done, _ = await asyncio.wait({answer}, timeout=PATIENCE_S)
        if not done:
            await _first(answer, request)
        if not answer.done():
            answer.add_done_callback(_forget)
            raise ClientGone
        return answer.result()

    def close(self) -> None:
        """Give up all questions: nobody can hear their answers."""
        for question in self._asked:
            question.given_up.set()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _unless_over(work: Callable[[], T], question: Question) -> T:
    """It may have waited for a thread until its time was over."""
    if question.is_over:
        raise TookTooLong("a question waited too long", "did not answer in time")
    return work()


async def _first(answer: asyncio.Future[Any], request: Request) -> None:
    """Wait for the answer, or for the client to hang up."""
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _forget(answer: asyncio.Future[Any]) -> None:
    """Whatever came of it, nobody hears it."""
    if not answer.cancelled():
        answer.exception()
