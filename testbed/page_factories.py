"""What the pages show, with all that a test is not about already filled in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from starlette.datastructures import QueryParams

from alert_router.domain.model import DISCORD, Alert
from alert_router.domain.percentiles import Percentiles
from alert_router.store.alert_extras import ListedAlert
from alert_router.store.alert_list import Count
from alert_router.store.channel_stats import ChannelStats, LastRequest
from alert_router.store.earlier import Earlier
from alert_router.store.frequency import HOUR, Bar, Cell, Histogram
from alert_router.store.insights import Habit, HeatCell, Insights, Totals
from alert_router.store.preview import PreviewCard
from alert_router.web import alert_filters
from alert_router.web.alert_filters import Query
from alert_router.web.alerts_page import AlertsPage, Row, Section
from alert_router.web.histogram import HistogramView
from alert_router.web.incident_pages import AlertPage, IncidentPage
from alert_router.web.insights_page import Day, Figure, HeatRow, InsightsPage
from alert_router.web.now import FiringIncident, NowPage, incidents_of
from alert_router.web.upkeep import ChannelRow, OperationsPage
from testbed.factories import NOON, make_alert, make_incident

QUIET = tuple(Cell(NOON + n * HOUR, NOON + (n + 1) * HOUR, 0, 0.0) for n in range(24))
BARS = Histogram(
    (Bar(NOON, NOON + HOUR, {"critical": 2}), Bar(NOON + HOUR, NOON + 2 * HOUR, {})), is_complete=True
)
STATS = ChannelStats(0, 0, None, 1, 2, 0, LastRequest(NOON, "sent", 200, ""))
NO_TOTALS = Totals(0, 0, 0, 0, 0, Percentiles(), Percentiles())


def query_of(query: str = "") -> Query:
    return alert_filters.parse(QueryParams(query), NOON)


def make_listed(alert: Alert | None = None, **changes: Any) -> ListedAlert:
    return replace(ListedAlert(alert or make_alert(), None, None, (), 1), **changes)


def make_firing(*listed: ListedAlert) -> tuple[FiringIncident, ...]:
    return incidents_of(listed)


def strips_of(alerts: Sequence[Alert]) -> dict[int, tuple[Cell, ...]]:
    return {alert.id: QUIET for alert in alerts}


def now_page(**changes: Any) -> NowPage:
    page = NowPage(
        now=NOON,
        webhook_url="http://router.example.org/webhooks/alertmanager",
        needs_token=False,
        firing={},
        silenced_alerts=0,
        waiting=(),
        taken=(),
        silenced=(),
        is_cut=False,
        resolved=(),
        strips={},
        troubles=(),
        channel_names=("discord", "preview"),
        is_new=False,
    )
    page = replace(page, **changes)
    incidents = (*page.waiting, *page.taken, *page.silenced)
    shown = [one.worst.alert for one in incidents] + [one.alert for one in page.resolved]
    return replace(page, strips=strips_of(shown))


def alerts_page(*listed: ListedAlert, **changes: Any) -> AlertsPage:
    alerts = tuple(one.alert for one in listed)
    page = AlertsPage(
        now=NOON,
        query=query_of(),
        errors={},
        is_grouped=False,
        sections=(Section("Firing", tuple(Row(one, None) for one in listed)),) if listed else (),
        neighbours=alerts,
        strips=strips_of(alerts),
        count=Count(len(alerts), is_exact=True),
        next_url=None,
        firing={},
        histogram=HistogramView.of(BARS),
        alertnames=("ApiDown", "DiskFull"),
        severities=("critical", "warning"),
        teams=(),
        label_names=("instance",),
    )
    return replace(page, **changes)


def _episode(listed: ListedAlert, others: Sequence[ListedAlert]) -> dict[str, Any]:
    return {
        "now": NOON + timedelta(minutes=12),
        "listed": listed,
        "incident": make_incident(),
        "lines": (),
        "why": (),
        "earlier": Earlier((), is_all=True),
        "month": QUIET,
        "card": None,
        "until_choices": (("1 hour", NOON.isoformat()),),
        "strips": strips_of([one.alert for one in (listed, *others)]),
    }


def alert_page(listed: ListedAlert, *siblings: ListedAlert, **changes: Any) -> AlertPage:
    page = AlertPage(
        siblings=siblings, as_json="{}", public_url="http://router.example.org", **_episode(listed, siblings)
    )
    return replace(page, **changes)


def incident_page(*members: ListedAlert, **changes: Any) -> IncidentPage:
    return replace(IncidentPage(members=members, **_episode(members[0], members)), **changes)


def operations_page(**changes: Any) -> OperationsPage:
    channel = ChannelRow(DISCORD, is_preview=False, trouble="", fallback="", stats=STATS)
    page = OperationsPage(now=NOON, troubles=(), channels=(channel,), refused=(), quarantined=0)
    return replace(page, **changes)


def make_habit(**changes: Any) -> Habit:
    return replace(Habit("ApiDown", 9, 3, 9, 9, 4, 0, 300, 900, 7, (4, 5), "fires 9 times a week"), **changes)


def insights_page(*habits: Habit, **changes: Any) -> InsightsPage:
    heat = tuple(HeatCell(day, hour, 0) for day in range(7) for hour in range(24))
    insights = Insights(NOON, NOON, replace(NO_TOTALS, alerts=9), NO_TOTALS, (), heat, habits)
    page = InsightsPage(
        now=NOON,
        insights=insights,
        span="30d",
        spans=("7d", "30d", "90d"),
        figures=(Figure("alerts", "9", "as before (9)"),),
        days=(Day(NOON.date(), 9, (), "14 Nov: 9 critical"),),
        heat=tuple(HeatRow(day, (0,) * 24, (0,) * 24) for day in ("Monday", "Sunday")),
        zone_name="UTC",
    )
    return replace(page, **changes)


def make_card(**changes: Any) -> PreviewCard:
    return replace(PreviewCard(1, "preview", 7, 3, "delivered", {}, NOON, NOON, edited=False), **changes)
