"""What is measured and drawn for cards: it comes with the message or by an edit, and delays no card."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest

from alert_router.charts.process import ChartError, ChartLate, ChartProcess
from alert_router.charts.spec import ChartSpec
from alert_router.delivery.illustrator import Illustrator
from alert_router.domain.model import Signal
from alert_router.prometheus.targets import Prometheuses
from alert_router.store import card_facts
from alert_router.store.tables import charts
from testbed.factories import at, make_signal
from testbed.fakes import prometheus as fake
from testbed.fakes.discord import Message, faults
from testbed.fakes.prometheus import FakePrometheus
from testbed.router_harness import CHANNEL, MadeClient, RouterHarness, until_idle

LINK = "http://prometheus.example.org:9090/graph?g0.expr=error_ratio+%3E+0.05"
SERIES = {
    "error_ratio > 0.05": [({"instance": "api-1"}, 0.0519)],
    "error_ratio": [({"instance": "api-1"}, 0.0519), ({"instance": "api-2"}, 0.01)],
}
PNG = b"\x89PNG drawn"


@dataclass(slots=True)
class Drawer:
    """In place of the process that draws."""

    error: ChartError | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Until then, it draws nothing."""
    specs: list[ChartSpec] = field(default_factory=list)

    async def draw(self, spec: ChartSpec) -> bytes:
        await self.released.wait()
        self.specs.append(spec)
        if self.error is not None:
            raise self.error
        return PNG + str(len(self.specs)).encode()

    async def close(self) -> None:
        """Nothing runs."""


@dataclass(slots=True)
class Studio:
    """A router that measures and draws."""

    router: RouterHarness
    prometheus: FakePrometheus
    drawer: Drawer
    results: list[str] = field(default_factory=list)
    under_way: int = 0
    """What still waited for Prometheus when the message was out."""

    def accept(self, signal: Signal, *, settle: bool = True) -> Message:
        """Deliver what it says, then, if settled, what is added; the card's message."""
        self.router.accept(signal)
        self.router.run(self._deliver(settle=settle))
        [message] = self.router.discord.messages("1")
        return message

    async def _deliver(self, *, settle: bool) -> None:
        async with self._illustrator() as illustrator:
            delivery = self.router.another_delivery(illustrator=illustrator)
            self.drawer.released.clear()
            await until_idle(delivery)
            self.under_way = illustrator.under_way
            self.drawer.released.set()
            if settle:
                await illustrator.settled()
                await until_idle(delivery)

    @asynccontextmanager
    async def _illustrator(self) -> AsyncIterator[Illustrator]:
        router = self.router
        async with httpx.AsyncClient(transport=self.prometheus.transport) as http:
            prometheuses = Prometheuses(http, router.configuration, "http://prometheus:9090", router.clock)
            illustrator = Illustrator(
                prometheuses,
                cast("ChartProcess", self.drawer),
                store=router.store,
                writer=router.writer,
                wake=lambda _: None,
                now=router.clock.time,
                observe=self.results.append,
            )
            try:
                yield illustrator
            finally:
                await illustrator.close()


@pytest.fixture
def studio(harness: RouterHarness) -> Studio:
    return Studio(harness, FakePrometheus(dict(SERIES)), Drawer())


def signal(**changes: Any) -> Signal:
    return make_signal(generator_url=LINK, **changes)


def shown(message: Message) -> str:
    return str(message.shown.embeds)


def test_new_message_has_its_value_and_the_chart_comes_by_an_edit(studio: Studio) -> None:
    message = studio.accept(signal())

    assert [bool(revision.shown.attachments) for revision in message.revisions] == [False, True]
    [picture] = message.attachments
    assert picture.content == PNG + b"1"
    assert message.embeds[0]["image"] == {"url": f"attachment://{picture.filename}"}
    assert studio.results == ["drawn"]
    stored = studio.router.ask(lambda conn: card_facts.measures_of(conn, [1]))
    assert (stored[1].value, stored[1].limit) == ("5.19 %", "5 %")


def test_chart_has_the_limit_the_span_and_the_alerts_line(studio: Studio) -> None:
    studio.accept(signal())

    [spec] = studio.drawer.specs
    assert spec.limit == 0.05
    assert spec.firing
    assert [line.stressed for line in spec.lines] == [False, True]
    assert [start for start, _ in spec.spans] == [at(0).timestamp()]


def test_unchanged_card_is_drawn_once(studio: Studio) -> None:
    studio.accept(signal())

    studio.accept(signal(annotations={"summary": "changed"}))

    assert studio.results == ["drawn"]


def test_resolve_draws_the_chart_anew(studio: Studio) -> None:
    studio.accept(signal())
    studio.router.clock.move(600)

    message = studio.accept(signal(ends_at=at(9)))

    assert studio.results == ["drawn", "drawn"]
    assert message.attachments[0].content == PNG + b"2"
    assert len(message.attachments) == 1
    assert not studio.drawer.specs[-1].firing


def test_edit_needs_no_prometheus(studio: Studio) -> None:
    before = studio.accept(signal()).attachments[0].content
    studio.prometheus.misbehave = lambda: httpx.ConnectError("refused")

    message = studio.accept(signal(annotations={"summary": "changed"}))

    assert message.attachments[0].content == before


def test_what_began_before_is_marked(studio: Studio) -> None:
    studio.router.accept(make_signal({"alertname": "DriftHigh", "severity": "info"}, starts_at=at(-12)))
    studio.router.deliver()
    studio.router.accept(signal())

    studio.router.run(studio._deliver(settle=True))

    [spec] = [spec for spec in studio.drawer.specs if spec.limit]
    assert [(mark.at, mark.text) for mark in spec.marks] == [(at(-12).timestamp(), "DriftHigh began")]


FAULTS: dict[str, Callable[[FakePrometheus], None]] = {
    "away": lambda one: setattr(one, "misbehave", lambda: httpx.ConnectError("refused")),
    "nonsense": lambda one: setattr(one, "misbehave", lambda: httpx.Response(200, html="<h1>")),
    "endless": lambda one: setattr(one, "misbehave", fake.endless),
    "empty": lambda one: one.series.clear(),
    "10,000 series": lambda one: one.series.update(
        {key: [({"instance": f"api-{n}", "pod": "p" * 300}, n) for n in range(10_000)] for key in SERIES}
    ),
}


def test_card_does_not_wait_for_a_prometheus_that_hangs(studio: Studio) -> None:
    studio.prometheus.hangs = True

    message = studio.accept(signal(), settle=False)

    assert studio.under_way == 1
    assert len(message.revisions) == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_card_is_sent_whatever_prometheus_does(
    studio: Studio, fault: Callable[[FakePrometheus], None]
) -> None:
    fault(studio.prometheus)

    message = studio.accept(signal(), settle=False)

    assert len(message.revisions) == 1
    assert not message.attachments


def test_next_edit_asks_again_for_what_failed(studio: Studio) -> None:
    studio.prometheus.misbehave = lambda: httpx.Response(503)
    studio.accept(signal())
    studio.prometheus.misbehave = lambda: None

    message = studio.accept(signal(annotations={"summary": "changed"}))

    assert studio.results == ["failed", "drawn"]
    assert message.attachments


@pytest.mark.parametrize(("error", "result"), [(ChartError("x"), "failed"), (ChartLate("x"), "late")])
def test_card_without_its_chart_keeps_its_value(studio: Studio, error: ChartError, result: str) -> None:
    studio.drawer.error = error

    message = studio.accept(signal())

    assert studio.results == [result]
    assert not message.attachments
    assert studio.router.ask(lambda conn: card_facts.measures_of(conn, [1]))[1].value == "5.19 %"


def test_message_being_created_when_its_chart_is_ready_is_edited(studio: Studio) -> None:
    studio.router.accept(signal())
    studio.router.lease_cards()

    with studio.router.store.write() as conn:
        card_facts.mark_dirty(conn, 1, [CHANNEL], studio.router.clock.time())

    assert studio.router.cards()[0].wanted_rev == 2


def test_only_the_newest_charts_are_kept(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_facts, "MAX_CHARTS", 2)
    for number in range(3):
        studio.router.accept(make_signal({"alertname": f"A{number}"}))
    clock = studio.router.clock

    for incident in (1, 2, 3):
        clock.move(1)
        with studio.router.store.write() as conn:
            card_facts.save_chart(conn, incident, CHANNEL, subject="x", png=PNG, now=clock.time())

    kept = studio.router.ask(lambda conn: [row.incident_id for row in conn.execute(charts.select())])
    assert sorted(kept) == [2, 3]


def test_refused_picture_costs_the_card_nothing_but_the_picture(studio: Studio) -> None:
    message = studio.accept(signal())
    studio.router.clock.move(600)
    studio.router.discord.faults.next(faults.status(400, code=50035))

    message = studio.accept(signal(ends_at=at(9)))

    assert not message.attachments
    assert studio.router.ledger().dead == 0


def test_report_of_a_job_has_the_chart_of_its_last_runs(studio: Studio) -> None:
    for week in range(4):
        studio.router.clock.move(7 * 86_400)
        studio.router.report(
            {
                "type": "performance_alert",
                "dag_id": "weekly",
                "run_id": f"run-{week}",
                "occurred_at": studio.router.clock.time().isoformat(),
                "model_type": "rf",
                "r2": 0.6 - week / 10,
            }
        )
        studio.router.run(studio._deliver(settle=True))

    spec = studio.drawer.specs[-1]
    assert (spec.caption, spec.dots) == ("r2", True)
    assert [value for _, value in spec.lines[0].points] == pytest.approx([0.6, 0.5, 0.4, 0.3])
    assert studio.prometheus.requests == []


def test_chart_is_served_under_its_name(make_client: MadeClient, harness: RouterHarness) -> None:
    harness.accept(signal())
    with harness.store.write() as conn:
        card_facts.save_chart(conn, 1, CHANNEL, subject="x", png=PNG, now=harness.clock.time())
    chart = harness.ask(lambda conn: card_facts.chart_of(conn, 1, CHANNEL))
    client = make_client()

    served = client.get(f"/charts/{chart.name if chart else ''}")

    assert (served.status_code, served.content, served.headers["Content-Type"]) == (200, PNG, "image/png")
    assert client.get("/charts/chart-of-another.png").status_code == 404
