"""A replay makes the messages that the notify rule makes when it is asked about everything, always."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router import config
from alert_router.config import Configuration
from alert_router.domain import notify, notify_news, notify_routes
from alert_router.domain.model import ChannelName
from alert_router.domain.notify_routes import Group
from alert_router.domain.notify_values import Action, Decision, Episode, Posted, Situation
from alert_router.domain.severity import Severity
from alert_router.services import replay_report
from alert_router.services.replay import Replay, replay
from alert_router.services.replay_history import History
from alert_router.services.replay_values import Incident, Pair
from alert_router.store.past import PastAlert, PastTransition
from testbed.factories import NOON

FILE = """\
channels:
  ops: {webhook_url: "https://discord.com/api/webhooks/1/ops-token"}
  shop: {webhook_url: "https://discord.com/api/webhooks/2/shop-token"}
  night: {webhook_url: "https://discord.com/api/webhooks/3/night-token"}
route:
  channel: ops
  remind_every: {critical: 4h, info: 2h}
  mentions: {critical: {roles: ["777"]}}
  quiet_hours: {zone: Europe/Paris, from: "22:00", to: "07:00", pass: critical}
  routes:
    - matchers: ['team="shop"']
      channel: shop
      continue: true
      quiet_hours: null
      notify_resolved: true
      escalate_after: 15m
      escalate_to: {channel: night, mentions: {roles: ["999"]}}
    - matchers: ['team="shop"', 'instance="b"']
      renotify_after: 10m
"""
LATER = timedelta(days=2)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("config"), FILE)


def loaded(folder: Path, text: str) -> Configuration:
    path = folder / "config.yaml"
    path.write_text(text)
    return config.load(path)


def past_alert(id_: int = 1, **labels: str) -> PastAlert:
    own = {"alertname": "ApiDown", "severity": "critical", **labels}
    return PastAlert(id_, str(sorted(own.items())), own["alertname"], own, "", None, "group")


def past(at: datetime, kind: str, id_: int = 1, detail: str = "") -> PastTransition:
    return PastTransition(id_, at, kind, detail)


def replayed(
    configuration: Configuration, transitions: Iterable[PastTransition], *alerts: PastAlert
) -> Replay:
    return replay({alert.id: alert for alert in alerts}, transitions, configuration, until=NOON + LATER)


def messages(result: Replay) -> list[tuple[datetime, str, str]]:
    return [(each.at, each.channel, replay_report.words(each.mentions)) for each in result.messages]


class AlwaysAsking:
    """The rule on the same history, asked after every change and at every moment it names."""

    def __init__(self, alerts: dict[int, PastAlert], configuration: Configuration) -> None:
        routed = replay(
            alerts, [past(NOON, "updated", id_) for id_ in alerts], configuration, until=NOON
        ).routed
        self.history = History(routed, configuration.route.policy.notify.flap_window)
        self.sent: list[tuple[datetime, str, str]] = []

    def run(self, transitions: Iterable[PastTransition]) -> None:
        for at, batch in groupby(transitions, key=lambda transition: transition.at):
            self.advance(at)
            for transition in batch:
                self.history.apply(transition, at)
            self.ask_all(at)
        self.advance(NOON + LATER)

    def advance(self, until: datetime) -> None:
        while True:
            pairs = [pair for incident in self.history.incidents for pair in incident.pairs.values()]
            dues = [at for pair in pairs for at in (pair.due_at, pair.escalation_due_at) if at is not None]
            if not dues or min(dues) >= until:
                return
            self.ask_all(min(dues))

    def ask_all(self, now: datetime) -> None:
        for incident in self.history.incidents:
            for pair in list(incident.pairs.values()):
                if pair.episodes:
                    self.ask(incident, pair, now)

    def ask(self, incident: Incident, pair: Pair, now: datetime) -> None:
        groups = notify_routes.grouped(
            (pair.targets[id_].policy, episode) for id_, episode in pair.episodes.items()
        )
        decision = notify_routes.decide(self.situation(incident, pair), groups, now)
        pair.escalation_due_at = None
        if decision.action is Action.CREATE:
            self.post(incident, pair, decision, now, tuple(pair.episodes.values()), _mentions(pair, decision))
            decision = notify_routes.decide(self.situation(incident, pair), groups, now)
        pair.due_at = decision.due_at
        for group in groups:
            self.escalate(incident, pair, group, now)

    def escalate(self, incident: Incident, pair: Pair, group: Group, now: datetime) -> None:
        to = group.policy.escalate_to
        if to is None:
            return
        other = incident.pair(to.channel)
        decision = notify.decide_escalation(
            notify_routes.with_group(self.situation(incident, other), group, now),
            group.policy.notify,
            now,
            alarmed_at=pair.alarmed_at(
                incident.firing_since, group.policy.notify.renotify or Severity.WARNING
            ),
            escalated_at=pair.escalated_at,
        )
        pair.escalation_due_at = decision.due_at
        if decision.action is Action.CREATE:
            pair.escalated_at = now
            self.post(incident, other, decision, now, group.episodes, replay_report.words(to.mentions))

    def situation(self, incident: Incident, pair: Pair) -> Situation:
        return Situation((), pair.current, tuple(pair.cards), acknowledged=incident.acknowledged)

    def post(
        self,
        incident: Incident,
        pair: Pair,
        decision: Decision,
        now: datetime,
        episodes: tuple[Episode, ...],
        mentions: str,
    ) -> None:
        worst = notify_news.worst_firing(episodes)
        pair.cards.append(Posted(now, incident.revision, worst.severity if worst else None))
        self.sent.append((now, pair.channel, mentions))


def _mentions(pair: Pair, decision: Decision) -> str:
    if decision.mention_of is None:
        return ""
    policy = pair.targets[decision.mention_of].policy
    return replay_report.words(policy.mentions_for(pair.episodes[decision.mention_of].severity))


ALERTS = {
    number: past_alert(number, instance=instance, team=team, severity=severity)
    for number, (instance, team, severity) in enumerate(
        [
            ("a", "shop", "critical"),
            ("b", "shop", "warning"),
            ("c", "shop", "info"),
            ("d", "data", "error"),
            ("e", "data", "warning"),
            ("f", "data", "critical"),
        ],
        start=1,
    )
}
KINDS = ("opened", "opened", "resolved", "reopened", "silenced", "silenced no longer", "acknowledged")
EVENTS = st.lists(
    st.tuples(st.sampled_from(sorted(ALERTS)), st.sampled_from(KINDS), st.integers(0, 90)), max_size=40
)


def story(events: list[tuple[int, str, int]]) -> list[PastTransition]:
    """Only what can happen: what fires does not open, what is over does not resolve. Gaps in minutes."""
    at, transitions = NOON + timedelta(hours=6), []
    firing: set[int] = set()
    known: set[int] = set()
    for id_, kind_and_detail, gap in events:
        at += timedelta(minutes=gap)
        kind, _, detail = kind_and_detail.partition(" ")
        begins = kind in ("opened", "reopened")
        if begins == (id_ in firing) or (begins and (kind == "reopened") != (id_ in known)):
            continue
        if begins:
            firing.add(id_)
            known.add(id_)
        elif kind == "resolved":
            firing.discard(id_)
        transitions.append(past(at, kind, id_, detail or "silenced"))
    return transitions


@given(EVENTS)
def test_replay_sends_what_the_rule_says_when_it_is_always_asked(
    configuration: Configuration, events: list[tuple[int, str, int]]
) -> None:
    transitions = story(events)
    reference = AlwaysAsking(ALERTS, configuration)

    reference.run(transitions)

    result = replayed(configuration, transitions, *ALERTS.values())
    assert sorted(messages(result)) == sorted(reference.sent)


def test_flapping_alert_is_counted_at_most_eight_times_an_hour() -> None:
    flaps = [
        past(
            NOON + timedelta(minutes=minute),
            "resolved" if minute % 2 else "opened" if not minute else "reopened",
        )
        for minute in range(60)
    ]

    result = replayed(config.single(), flaps, past_alert())

    assert 1 < len(result.messages) <= 8


def test_incident_is_made_of_the_labels_that_the_file_names(tmp_path: Path) -> None:
    grouped = loaded(tmp_path, "route: {channel: preview}\nincidents: {group_by: [instance]}\n")
    alerts = [past_alert(1, instance="a"), past_alert(2, instance="b")]
    both = [past(NOON, kind, id_) for kind in ("opened", "resolved") for id_ in (1, 2)]

    by_file, by_source = replayed(grouped, both, *alerts), replayed(config.single(), both, *alerts)

    assert (len(by_file.messages), len(by_source.messages)) == (2, 1)


def test_channel_that_the_sender_named_is_replayed(configuration: Configuration) -> None:
    alert = PastAlert(1, "1", "ApiDown", {"alertname": "ApiDown"}, "night|gone", None, "group")

    result = replayed(configuration, [past(NOON, "opened"), past(NOON, "resolved")], alert)

    assert [message.channel for message in result.messages] == ["night"]


def test_report_counts_the_night_the_mentions_and_what_nobody_saw(tmp_path: Path) -> None:
    configuration = loaded(
        tmp_path,
        FILE + "    - {matchers: ['team=\"data\"'], channel: preview}\n",
    )
    midnight = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    alerts = {
        1: past_alert(1),
        2: past_alert(2, team="data", severity="info"),
    }
    over_at = midnight + timedelta(minutes=10)
    transitions = [past(midnight, "opened", 1), past(midnight, "opened", 2), past(over_at, "resolved", 1)]
    until = midnight + LATER

    result = replay(alerts, transitions, configuration, until=until)
    report = replay_report.report(result, alerts, configuration, since=midnight, until=until)

    ops = next(each for each in report.channels if each.channel == "ops")
    assert (ops.messages, ops.at_night, dict(ops.by_mention)) == (1, 1, {"role:777": 1})
    assert report.zone == "Europe/Paris"
    assert [(each.alertname, each.alerts, each.channels) for each in report.unheard] == [
        ("ApiDown", 1, (ChannelName("preview"),))
    ]
