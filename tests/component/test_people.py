"""People's questions: a few at a time, for a limited time, while somebody waits; nobody waits for them."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import Request
from starlette.testclient import TestClient

from alert_router.store import alert_list, engine, questions
from alert_router.store.engine import MAX_QUESTIONS, Store, TookTooLong
from alert_router.store.questions import Question
from alert_router.web import people
from alert_router.web.people import ClientGone, People
from alert_router.web.problems import Problem
from testbed.factories import webhook_json
from testbed.router_harness import MadeClient, until

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def ask_endlessly(store: Store, question: Question) -> None:
    with questions.asked(store, question) as conn:
        conn.exec_driver_sql(ENDLESS[store.dialect])


def test_question_ends_at_its_limit(store: Store) -> None:
    with pytest.raises(TookTooLong):
        ask_endlessly(store, Question(deadline=time.monotonic() + 0.1))


def test_question_of_many_statements_ends_at_its_limit(store: Store) -> None:
    questions.end_between_statements(store.questions)

    def ask_on_and_on() -> None:
        with questions.asked(store, Question(deadline=time.monotonic() + 0.1)) as conn:
            while True:
                conn.exec_driver_sql("SELECT 1")

    with pytest.raises(TookTooLong):
        ask_on_and_on()


def test_connection_is_good_after_an_ended_question(store: Store) -> None:
    for _ in range(MAX_QUESTIONS + 1):
        with pytest.raises(TookTooLong):
            ask_endlessly(store, Question(deadline=time.monotonic() + 0.05))

    with questions.asked(store, Question()) as conn:
        assert conn.scalar(sa.text("SELECT 1")) == 1


class Client:
    """An ASGI client that hangs up on demand."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.request = Request({"type": "http", "headers": []}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


def test_question_is_given_up_when_its_client_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PATIENCE_S", 0.01)
    ended = threading.Event()
    question = Question(deadline=time.monotonic() + 60)

    def work() -> None:
        question.given_up.wait(30)
        ended.set()

    async def hang_up() -> None:
        client = Client()
        asyncio.get_running_loop().call_later(0.05, client.gone.set)
        await People().compute(work, client.request, question)

    with pytest.raises(ClientGone):
        asyncio.run(hang_up())
    assert ended.wait(10)


def test_more_questions_than_may_wait_are_refused() -> None:
    async def ask() -> list[Any]:
        asked, release = People(), threading.Event()
        waiting = [
            asyncio.create_task(asked.compute(lambda: release.wait(30), Client().request))
            for _ in range(MAX_QUESTIONS + people.MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await asked.compute(lambda: True, Client().request)
        release.set()
        assert refused.value.headers()["Retry-After"] == "1"
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == [True] * (MAX_QUESTIONS + people.MAX_WAITING)


@contextmanager
def busy(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """All threads of people are taken until the end of the block."""
    release, taken = threading.Event(), threading.Semaphore(0)

    def slow(*_: Any, **__: Any) -> Any:
        taken.release()
        release.wait(30)
        raise TookTooLong("slow", "did not answer in time")

    with monkeypatch.context() as patched, ThreadPoolExecutor(MAX_QUESTIONS) as threads, ExitStack() as end:
        patched.setattr(alert_list, "page", slow)
        end.callback(release.set)
        for _ in range(MAX_QUESTIONS):
            threads.submit(client.get, "/alerts")
        for _ in range(MAX_QUESTIONS):
            assert taken.acquire(timeout=20)
        yield release.set


def test_nobody_waits_for_people(make_sqlite_client: MadeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_QUESTION_S", 60.0)
    client = make_sqlite_client()

    with busy(client, monkeypatch):
        accepted = client.post("/webhooks/alertmanager", json=webhook_json()).status_code
        ready = client.get("/-/ready").status_code
        metrics = client.get("/metrics").text

    assert (accepted, ready) == (200, 200)
    assert "alert_router_alerts_firing 1.0" in metrics.splitlines()
    until(lambda: 'alert_router_cards{state="delivered"} 1.0' in client.get("/metrics").text)


def test_question_over_its_limit_is_answered_503(
    make_sqlite_client: MadeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_sqlite_client()

    def endless(*_: Any, **__: Any) -> Any:
        raise TookTooLong("interrupted", "was interrupted")

    monkeypatch.setattr(alert_list, "page", endless)

    answer = client.get("/alerts")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "ask for less" in answer.json()["detail"]


def test_long_query_is_refused(make_sqlite_client: MadeClient) -> None:
    answer = make_sqlite_client().get(f"/alerts?q={'x' * 9_000}")

    assert answer.status_code == 414
    assert "8192 bytes" in answer.json()["detail"]


def test_regular_expression_that_grows_is_refused(make_sqlite_client: MadeClient) -> None:
    answer = make_sqlite_client().get("/alerts", params={"match": r'a=~"\pL{1000}"'})

    assert answer.status_code == 400
    assert "too large" in answer.json()["detail"]
