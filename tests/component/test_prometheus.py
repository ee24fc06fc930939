"""Prometheus's answers: values of the right series, and no harm from whatever else comes back."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alert_router.config import ConfigurationHolder, single
from alert_router.config.configuration import PrometheusTarget
from alert_router.domain.card_facts import Measure
from alert_router.domain.matchers import parse_list
from alert_router.domain.model import Alert
from alert_router.prometheus import expressions, history, measures
from alert_router.prometheus.client import Prometheus, PrometheusAway, PrometheusError, TooLarge
from alert_router.prometheus.history import History
from alert_router.prometheus.targets import PAUSE_S, Prometheuses
from testbed.factories import NOON, Clock, make_alert
from testbed.fakes import prometheus as fake
from testbed.fakes.prometheus import FakePrometheus

URL = "http://prometheus:9090"
GIB = 1024**3


def asked(prometheus: FakePrometheus, question: Any, *, timeout_s: float = 2.5) -> Any:
    """question: called with the client."""

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=prometheus.transport) as http:
            return await question(Prometheus(http, URL, timeout_s=timeout_s, max_bytes=200_000))

    return asyncio.run(ask())


def measured(prometheus: FakePrometheus, expression: str, *alerts: Alert) -> dict[int, Measure]:
    rule = expressions.rule(expression)
    found: dict[int, Measure] = asked(prometheus, lambda one: measures.of(one, rule, alerts))
    return found


def charted(prometheus: FakePrometheus, expression: str, *alerts: Alert) -> History:
    rule = expressions.rule(expression)
    start = NOON - timedelta(hours=1)
    found: History = asked(prometheus, lambda one: history.of(one, rule, alerts, start, NOON))
    return found


def disk(instance: str, number: int) -> Alert:
    return make_alert({"alertname": "DiskFull", "severity": "warning", "instance": instance}, id=number)


def test_value_and_limit_are_those_of_the_moment_it_fired() -> None:
    prometheus = FakePrometheus({"error_ratio > 0.05": [({"job": "api"}, 0.0519)]})
    alert = make_alert({"alertname": "Errors", "job": "api"})

    found = measured(prometheus, "error_ratio > bool 0.05", alert)

    assert found == {1: Measure("5.19 %", "5 %")}
    assert prometheus.requests[0]["time"] == f"{NOON.timestamp():.3f}"
    assert prometheus.requests[0]["timeout"] == "2s"


def test_each_alert_has_the_value_of_its_own_series() -> None:
    series = [({"instance": "db-1", "__name__": "free"}, 1), ({"instance": "db-2"}, 2)]
    prometheus = FakePrometheus({"free < 5": series})

    found = measured(prometheus, "free < 5", disk("db-1", 1), disk("db-2", 2), disk("db-3", 3))

    assert {alert: measure.value for alert, measure in found.items()} == {1: "1", 2: "2", 3: ""}


def test_series_that_agree_equally_well_give_no_value() -> None:
    series = [({"instance": "db-1", "disk": "a"}, 1), ({"instance": "db-1", "disk": "b"}, 2)]
    prometheus = FakePrometheus({"free < 5": series})

    assert measured(prometheus, "free < 5", disk("db-1", 1)) == {1: Measure("")}


def test_limit_that_is_a_series_is_asked_too() -> None:
    prometheus = FakePrometheus(
        {
            "used_bytes > quota_bytes": [({"instance": "db-1"}, 3 * GIB)],
            "quota_bytes": [({"instance": "db-1"}, 2 * GIB), ({"instance": "db-2"}, 7)],
        }
    )

    found = measured(prometheus, "used_bytes > quota_bytes", disk("db-1", 1))

    assert found == {1: Measure("3 GiB", "2 GiB")}


def test_alert_of_the_second_branch_has_its_limit() -> None:
    prometheus = FakePrometheus({"b_seconds > 8": [({}, 9)]})

    assert measured(prometheus, "a_seconds > 5 or b_seconds > 8", make_alert()) == {1: Measure("9 s", "8 s")}


@pytest.mark.parametrize("expression", ['absent(up{job="x"})', "vector(1)"])
def test_absence_has_no_value_and_is_not_asked(expression: str) -> None:
    prometheus = FakePrometheus()

    assert measured(prometheus, expression, make_alert()) == {1: Measure("")}
    assert prometheus.requests == []


NONSENSE = {
    "html": httpx.Response(200, html="<h1>Log in</h1>"),
    "redirect": httpx.Response(302, headers={"Location": "http://169.254.169.254/"}),
    "refused": httpx.Response(400, json={"status": "error", "error": "parse error"}),
    "list": httpx.Response(200, json=[]),
    "no data": httpx.Response(200, json={"status": "success", "data": None}),
    "no list": fake.result("vector", "no list"),
    "string": fake.result("string", [1, "x"]),
    "nested": httpx.Response(200, content=b"[" * 100_000),
    "compressed": httpx.Response(200, stream=fake.Bytes(b"\x1f\x8b"), headers={"Content-Encoding": "gzip"}),
    "not reached": httpx.ConnectError("refused"),
    "cut": httpx.RemoteProtocolError("cut"),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_an_error_and_leads_nowhere_else(answer: httpx.Response | Exception) -> None:
    prometheus = FakePrometheus(misbehave=lambda: answer)

    with pytest.raises(PrometheusError) as error:
        measured(prometheus, "a > 5", make_alert())

    assert {request["host"] for request in prometheus.requests} == {"prometheus"}
    assert "prometheus:9090" not in str(error.value)


@pytest.mark.parametrize(
    "entries",
    [
        [{"metric": {}, "value": [1, "NaN"]}],
        [{"metric": {}, "value": [1, "+Inf"]}],
        [{"metric": {}, "value": None}],
        [{"metric": [], "value": [1]}],
        [{}, "text", None],
    ],
)
def test_what_is_no_finite_number_is_no_value(entries: list[Any]) -> None:
    prometheus = FakePrometheus(misbehave=lambda: fake.result("vector", entries))

    assert measured(prometheus, "a > 5", make_alert()) == {1: Measure("")}


def test_endless_answer_is_cut_off() -> None:
    with pytest.raises(TooLarge):
        measured(FakePrometheus(misbehave=fake.endless), "a > 5", make_alert())


def test_late_answer_is_not_waited_for() -> None:
    rule = expressions.rule("a > 5")

    with pytest.raises(PrometheusAway):
        asked(FakePrometheus(hangs=True), lambda one: measures.of(one, rule, [make_alert()]), timeout_s=0.05)


def test_history_stresses_the_series_of_the_alerts() -> None:
    prometheus = FakePrometheus({"free": [({"instance": f"db-{number}"}, number) for number in range(40)]})

    found = charted(prometheus, "free < 5", disk("db-3", 1), disk("db-1", 2))

    assert [one.labels["instance"] for one in found.own] == ["db-3", "db-1"]
    assert len(found.others) == history.MAX_OTHERS
    assert len(found.own[0].points) <= history.POINTS + 1


def test_history_of_ten_thousand_series_is_that_of_the_alerts_alone() -> None:
    many = [({"instance": f"db-{number}"}, number) for number in range(10_000)]
    own = '(free) and on (instance) (label_replace(vector(1), "instance", "db-$$1\\"", "", ""))'
    labels = {"instance": 'db-$1"'}
    prometheus = FakePrometheus({"free": many, "topk(1, free)": [many[7]], own: [(labels, 3)]})

    found = charted(prometheus, "free < 5", disk('db-$1"', 1))

    assert [one.labels for one in found.own] == [labels]
    assert found.others == ()


def test_few_points_at_the_end_are_seen_from_near() -> None:
    def recent() -> httpx.Response:
        return fake.matrix([({}, [[NOON.timestamp() - seconds, "1"] for seconds in range(120, 0, -10)])])

    found = charted(FakePrometheus(misbehave=recent), "free < 5", make_alert())

    assert found.end - found.start == pytest.approx(132)


def targets(http: httpx.AsyncClient, clock: Clock, *configured: PrometheusTarget) -> Prometheuses:
    return Prometheuses(http, ConfigurationHolder(replace(single(None), prometheus=configured)), URL, clock)


@pytest.mark.parametrize(("cluster", "host"), [("eu", "prometheus-eu"), ("us", "prometheus")])
def test_labels_choose_the_prometheus(clock: Clock, cluster: str, host: str) -> None:
    prometheus = FakePrometheus()
    eu = PrometheusTarget("http://prometheus-eu:9090", parse_list('cluster="eu"'))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=prometheus.transport) as http:
            await targets(http, clock, eu).ask({"cluster": cluster}, lambda one: one.values("a", NOON))

    asyncio.run(ask())

    assert prometheus.requests[0]["host"] == host


def test_prometheus_that_was_away_is_left_alone_for_a_while(clock: Clock) -> None:
    prometheus = FakePrometheus(misbehave=lambda: httpx.ConnectError("refused"))

    async def ask() -> list[bool]:
        async with httpx.AsyncClient(transport=prometheus.transport) as http:
            several = targets(http, clock)
            for _ in range(2):
                with pytest.raises(PrometheusAway):
                    await several.ask({}, lambda one: one.values("a", NOON))
            before = several.any_for({})
            clock.move(PAUSE_S)
            return [before, several.any_for({})]

    assert asyncio.run(ask()) == [False, True]
    assert len(prometheus.requests) == 1
