"""Turns recorded transitions into the incidents and episodes that the notify rule looks at. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alert_router.domain.model import TransitionKind
from alert_router.domain.notify_values import Beginning, Episode
from alert_router.services.replay_values import Incident, Pair, Routed
from alert_router.store.past import PastTransition

MAX_EPISODES = 100
"""Above this, ended episodes are forgotten once they are too old to matter to the rule."""
OLD = timedelta(days=1)
CLOSED = "closed"
"""How the detail of a reconciled transition begins that ended its alert."""
NO_LONGER = "no longer"
"""How the detail of a silenced transition begins that ended a silence."""


class History:
    """Of one group of alerts."""

    def __init__(self, routed: Mapping[int, Routed], flap_window: timedelta) -> None:
        self._routed = routed
        self._flap_window = flap_window
        self._incident_of: dict[int, Incident] = {}
        self.incidents: list[Incident] = []
        """Those in which something may still happen, the newest last."""

    def apply(self, transition: PastTransition, now: datetime) -> Incident | None:
        """The incident of the alert; None if nothing changed that the rule looks at."""
        id_, detail = transition.alert_id, transition.detail
        match transition.kind:
            case TransitionKind.OPENED:
                return self._begin(id_, now, Beginning.OPENED)
            case TransitionKind.REOPENED:
                return self._begin(id_, now, Beginning.REOPENED)
            case TransitionKind.RESOLVED | TransitionKind.SUPERSEDED:
                return self._end(id_, now)
            case TransitionKind.RECONCILED if detail.startswith(CLOSED):
                return self._end(id_, now)
            case TransitionKind.SILENCED:
                return self._suppress(id_, now, suppressed=not detail.startswith(NO_LONGER))
            case TransitionKind.ACKNOWLEDGED:
                return self._acknowledge(id_)
            case _:
                return None

    def _begin(self, id_: int, now: datetime, beginning: Beginning) -> Incident:
        incident = self._open_incident(now)
        before = self._incident_of.get(id_)
        if before is not None and before is not incident:
            _remove(before, id_)
        self._incident_of[id_] = incident
        incident.firing.add(id_)
        incident.revision += 1
        alert = self._routed[id_]
        episode = Episode(
            id_,
            alert.series,
            alert.identity,
            alert.severity,
            firing=True,
            suppressed=False,
            revision=incident.revision,
            counts_since=now,
            beginning=beginning,
        )
        for target in alert.targets:
            pair = incident.pair(target.channel)
            pair.show(episode, target)
            if len(pair.episodes) > MAX_EPISODES:
                _forget_old(pair, now)
        return incident

    def _open_incident(self, now: datetime) -> Incident:
        """The newest while it fires or within the flap window, as in domain.incidents; else a new one."""
        newest = self.incidents[-1] if self.incidents else None
        if newest is not None and newest.firing:
            return newest
        if newest is None or newest.resolved_at is None or now - newest.resolved_at >= self._flap_window:
            self.incidents.append(Incident(firing_since=now))
            return self.incidents[-1]
        newest.resolved_at, newest.acknowledged, newest.firing_since = None, False, now
        for pair in newest.pairs.values():
            pair.escalation_due_at = None
        return newest

    def _end(self, id_: int, now: datetime) -> Incident | None:
        incident = self._incident_of.get(id_)
        if incident is None or id_ not in incident.firing:
            return None
        incident.firing.remove(id_)
        if not incident.firing:
            incident.resolved_at = now
            for pair in incident.pairs.values():
                pair.waiting = frozenset()
                if pair.cards:
                    pair.due_at = None
        self._change(incident, id_, firing=False, ended_at=min(self._routed[id_].ended_at or now, now))
        return incident

    def _suppress(self, id_: int, now: datetime, *, suppressed: bool) -> Incident | None:
        incident = self._incident_of.get(id_)
        if incident is None or id_ not in incident.firing:
            return None
        if suppressed:
            self._change(incident, id_, suppressed=True)
        else:
            incident.revision += 1
            self._change(
                incident,
                id_,
                suppressed=False,
                revision=incident.revision,
                counts_since=now,
                beginning=Beginning.UNSUPPRESSED,
            )
        return incident

    def _acknowledge(self, id_: int) -> Incident | None:
        incident = self._incident_of.get(id_)
        if incident is not None and incident.firing:
            incident.acknowledged = True
        return incident

    def _change(self, incident: Incident, id_: int, **changes: object) -> None:
        for target in self._routed[id_].targets:
            episodes = incident.pair(target.channel).episodes
            episodes[id_] = replace(episodes[id_], **changes)  # type: ignore[arg-type]  # fields of Episode


def _remove(incident: Incident, id_: int) -> None:
    """The alert has fired again in a newer incident."""
    for pair in incident.pairs.values():
        pair.episodes.pop(id_, None)


def _forget_old(pair: Pair, now: datetime) -> None:
    old = [id_ for id_, each in pair.episodes.items() if each.ended_at and each.ended_at < now - OLD]
    for id_ in old:
        del pair.episodes[id_], pair.targets[id_]
