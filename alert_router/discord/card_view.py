"""What the template of a card sees: the state in words, in the order in which people need them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any

from alert_router.discord import alert_facts, members, readings, texts, titles
from alert_router.discord.markdown import Markdown, ago, code, code_block, duration, escape, link
from alert_router.domain import overview, speakers
from alert_router.domain.card_facts import Measure
from alert_router.domain.model import Alert, CardState, Labels, Overview

MAX_CHIPS = 6
MAX_OTHERS = 4
MAX_CHANGES = 3
LINE_CHARS = 200
"""Of a change, or of what is remembered."""
RECOVERY_CHARS = 300
REASONS = {
    "MissingSeries": "MissingSeries (no data any more)",
    "NoData": "NoData (the query returns nothing)",
    "Error": "Error (the query fails)",
    "Paused": "Paused (the rule was paused)",
    "RuleDeleted": "RuleDeleted (the rule was deleted)",
}
"""Grafana's, in words."""


@dataclass(frozen=True)
class CardView:
    state: CardState
    all_url: str
    """Where all of it can be read."""
    noise: Collection[str] = frozenset()

    def values(self) -> dict[str, Any]:
        """By the names that templates use."""
        state, alerts = self.state, self.state.alerts
        return {
            "incident": state.incident,
            "alerts": alerts,
            "first": alerts[0] if alerts else None,
            "firing": self.firing,
            "resolved": self.resolved,
            "more": state.more_alerts,
            "note": state.note,
            "moved": False,
            "newer_url": "",
            "left_out": state.incident.left_out,
            "severity": titles.severity_word(alerts),
            "alertmanagers": list(next(filter(None, map(speakers.clusters, alerts)), ())),
            "reporters": _present("reporter", alerts),
            "common": self._labels[0],
            "distinct": self._labels[1],
            "since": self.since,
            "until": max(filter(None, map(alert_facts.end_of, self.resolved)), default=None),
            "flapped_for": self._flapped_for(),
            "suppressed": sorted(_present("suppressed", self.firing)),
            "recoveries": list(filter(None, dict.fromkeys(state.recoveries.values()))),
            "title": titles.of_card(state, self.overview),
            "sentence": self.sentence,
            "detail": self.detail(),
            "line": Markdown(" · ".join(self.line())),
            "remarks": self.remarks(),
            "changes": [
                escape(texts.short(change, LINE_CHARS)) for change in state.facts.changes[:MAX_CHANGES]
            ],
            "members": self.members(),
            "others": self.others(),
            "chips": self.chips(),
            "footer": self.footer(),
            "all_url": self.all_url,
            "text_of": alert_facts.text_of,
            "values_of": _values_of,
        }

    @cached_property
    def firing(self) -> list[Alert]:
        return [alert for alert in self.state.alerts if alert.firing]

    @cached_property
    def resolved(self) -> list[Alert]:
        return [alert for alert in self.state.alerts if not alert.firing]

    @cached_property
    def overview(self) -> Overview:
        return self.state.overview or overview.of(self.state.alerts)

    @property
    def common_of_firing(self) -> Labels:
        """The labels that all alerts share that fire: what a silence of all of them matches."""
        shared = dict(overview.of(self.firing).labels)
        if not self.state.more_alerts:
            return shared
        return dict(shared.items() & self.overview.labels.items())

    @cached_property
    def _labels(self) -> tuple[Labels, Mapping[int, Labels]]:
        return alert_facts.labels(self.state.alerts, self.overview.labels)

    @cached_property
    def since(self) -> datetime:
        starts = map(alert_facts.start_of, self.firing or self.state.alerts)
        return min(starts, default=self.state.incident.opened_at)

    @cached_property
    def _is_one(self) -> bool:
        return len(self.state.alerts) == 1 and not self.state.more_alerts

    @cached_property
    def _shape(self) -> texts.Shape | None:
        """Of the sentences of several alerts of one name, if all of them are here."""
        if self._is_one or self.state.more_alerts or len(titles.names_of(self.state)) > 1:
            return None
        return texts.shape_of(list(map(alert_facts.sentence_of, self.state.alerts)))

    @cached_property
    def _shared_texts(self) -> list[str]:
        """The customary texts that all alerts share, the shortest kind first."""
        shared = (self.overview.annotations.get(name, "") for name in alert_facts.SENTENCE_ANNOTATIONS)
        return list(dict.fromkeys(text for text in shared if text.strip()))

    @cached_property
    def sentence(self) -> str:
        """What is wrong, on one line; only if it is true of all alerts."""
        if self._shared_texts and texts.is_sentence(self._shared_texts[0]):
            return texts.short(self._shared_texts[0], texts.SENTENCE_CHARS)
        if self._shared_texts or self._shape is None:
            return ""
        return texts.short(self._shape.text, texts.SENTENCE_CHARS)

    def detail(self) -> Markdown:
        """The longer text, or the reason of a rule that cannot be evaluated."""
        shown = [
            text for text in self._shared_texts if texts.short(text, texts.SENTENCE_CHARS) != self.sentence
        ]
        shown += [f"{name}: {text}" for name, text in texts.always(self.overview.annotations).items()]
        log = texts.log(self.overview.annotations) if self.firing else ""
        return Markdown("\n".join([*map(self._excerpt, shown[:2]), *([code_block(log)] if log else [])]))

    def _excerpt(self, text: str) -> str:
        excerpt = texts.excerpt(text)
        if not excerpt.goes_on:
            return excerpt.text
        return f"{excerpt.text}\n… the text goes on: {link('all of it', self.all_url)}"

    @cached_property
    def _measure(self) -> Measure:
        """Of the only alert; of several the limit that they share."""
        all_ = [readings.of(alert, self.state.facts.measures) for alert in self.state.alerts]
        if len(all_) == 1:
            return all_[0]
        limits = {measure.limit for measure in all_}
        return Measure("", limits.pop() if len(limits) == 1 else "")

    def line(self) -> Iterator[str]:
        """Value, limit, since when, how often."""
        measure = self._measure
        if measure.value:
            yield f"{'value' if self.firing else 'was'} **{escape(measure.value)}**"
        if measure.limit:
            yield f"limit {escape(measure.limit)}"
        if self.firing:
            yield f"since {ago(self.since)}"
        elif self.state.alerts:
            yield from self._end()
        if self.state.incident.flaps:
            times = self.state.incident.flaps
            yield f"flapped {'once' if times == 1 else f'{times} times'}{self._flapped_for()}"
        if self.state.facts.memory:
            yield escape(texts.short(self.state.facts.memory, LINE_CHARS))

    def _end(self) -> Iterator[str]:
        ends = [end for alert in self.resolved if (end := alert_facts.end_of(alert))]
        if all(map(alert_facts.is_moment, self.state.alerts)):
            yield from (str(ago(end)) for end in ends[:1])
            return
        yield f"lasted {duration(alert_facts.lasted(self.resolved))}"
        yield self._resolved_by()
        if ends:
            yield str(ago(max(ends)))

    def _resolved_by(self) -> str:
        if any("Decision: deploy" in text for text in self.state.recoveries.values()):
            return "resolved by a deployment"
        if any(self.state.recoveries.values()):
            return "resolved by a report"
        if self.state.incident.acknowledged_by:
            return f"resolved after {escape(self.state.incident.acknowledged_by)} took it"
        if any(alert.expires_at and alert.expires_at == alert.ends_at for alert in self.resolved):
            return "not reported again"
        return "resolved by itself"

    def remarks(self) -> list[Markdown]:
        """Who has it, what is quiet, why the source says so."""
        return list(map(Markdown, self._remarks()))

    def _remarks(self) -> Iterator[str]:
        incident = self.state.incident
        if incident.acknowledged_by and self.firing:
            when = f", since {ago(incident.acknowledged_at)}" if incident.acknowledged_at else ""
            yield f"🙋 {escape(incident.acknowledged_by)} has it{when}"
        quiet = [alert.suppressed for alert in self.firing if alert.suppressed]
        if quiet:
            words = " and ".join(sorted(set(quiet)))
            count = f"{len(quiet)} of {len(self.firing)} " if len(quiet) < len(self.firing) else ""
            yield f"🔕 {count}{escape(words)} in {self._silencer()}"
        reasons = dict.fromkeys(
            alert.annotations.get("grafana_state_reason", "") for alert in self.state.alerts
        )
        for reason in filter(None, reasons):
            prefix = "" if self.firing else "resolved – "  # noqa: RUF001 - a dash, as in all titles
            yield f"{prefix}{escape(REASONS.get(reason, reason))}"
        for recovery in filter(None, dict.fromkeys(self.state.recoveries.values())):
            yield f"✅ {escape(texts.short(recovery, RECOVERY_CHARS))}"

    def _silencer(self) -> str:
        return "Grafana" if self.firing[0].source.startswith("grafana") else "Alertmanager"

    def members(self) -> list[Markdown]:
        if len(self.state.alerts) + self.state.more_alerts < 2:  # noqa: PLR2004 - one says it all above
            return []
        several_names = len(titles.names_of(self.state)) > 1
        own_words = None
        if self._shared_texts and self.sentence:
            own_words = self._own_details()
        elif self._shape is not None:
            ids = map(attrgetter("id"), self.state.alerts)
            own_words = dict(zip(ids, self._shape.own, strict=True))
        context = members.Context(
            shared={**self.overview.labels, **(self.state.incident.group_labels if several_names else {})},
            annotations=self.overview.annotations,
            noise=self.noise,
            measures=self.state.facts.measures,
            since=self.since,
            limit=self._measure.limit,
            varying=members.varying(self.state.alerts) if several_names else None,
            several_reporters=len(_present("reporter", self.state.alerts)) > 1,
            all_over=not self.firing,
            own_words=own_words,
        )
        lines = members.lines(self.state.alerts, context)
        beyond = max(len(self.state.alerts) - members.MAX_MEMBERS, 0) + self.state.more_alerts
        if beyond > 0:
            more = link(f"+{beyond} more", self.all_url)
            lines = [Markdown(" ".join([*lines, more]))] if len(lines) < 2 else [*lines, more]  # noqa: PLR2004
        return lines

    def _own_details(self) -> Mapping[int, str]:
        """Beside a shared summary: of each alert the description, if they differ."""
        shown = {alert.id: " ".join(alert_facts.text_of(alert).split()) for alert in self.state.alerts}
        shape = texts.shape_of(list(shown.values()))
        if shape is not None:
            return dict(zip(shown, shape.own, strict=True))
        return {} if len(set(shown.values())) == 1 else shown

    @cached_property
    def _others(self) -> tuple[Labels, Labels]:
        """The annotations that have no place of their own: texts, and words as short as a label."""
        others = texts.others(self.overview.annotations)
        short = {name: text for name, text in others.items() if texts.is_word(text)}
        return {name: text for name, text in others.items() if name not in short}, short

    def others(self) -> list[Markdown]:
        """The annotations that all alerts share and that have no place of their own."""
        shown, left_out = texts.by_name(self._others[0], MAX_OTHERS)
        lines = [Markdown(f"**{escape(name)}** {escape(text)}") for name, text in shown]
        if left_out:
            lines.append(Markdown(f"… the text goes on: {link('all of it', self.all_url)}"))
        return lines

    def chips(self) -> Markdown:
        """What all alerts share, on one line; noise only where there is nothing else."""
        names = self.state.incident.group_labels if len(titles.names_of(self.state)) > 1 else {}
        common = {name: text for name, text in self._labels[0].items() if name not in names}
        telling = {name: text for name, text in common.items() if name not in self.noise} or common
        ordered = sorted(telling.items(), key=lambda item: alert_facts.most_telling_first(item[0]))
        ordered = [*ordered[:MAX_CHIPS], *sorted(self._others[1].items())]
        shown = [
            code(f"{name}={text}", members.CHIP_CHARS) for name, text in ordered[: MAX_CHIPS + MAX_OTHERS]
        ]
        left_out = len(common) + len(self._others[1]) - len(shown)
        words = "more label" if left_out == 1 else "more labels"
        more = [link(f"+{left_out} {words}", self.all_url)] if left_out and self.all_url else []
        if names and not more:  # of alerts of several names only the telling labels are shown
            more = [link("all labels", self.all_url)]
        return Markdown(" ".join([*shown, *more]))

    def footer(self) -> Markdown:
        reporters = ", ".join(_present("reporter", self.state.alerts))
        incident = f"incident {self.state.incident.id}"
        return Markdown(" · ".join(filter(None, (" ".join(reporters.split()), incident))))

    def _flapped_for(self) -> str:
        """The text " in 28 min", from the first alert to the newest; empty below a minute."""
        if not self.state.incident.flaps:
            return ""
        opened_at = self.state.incident.opened_at
        span = max(map(attrgetter("received_at"), self.state.alerts), default=opened_at) - opened_at
        return f" in {duration(span)}" if span >= timedelta(minutes=1) else ""


def _present(name: str, alerts: Sequence[Alert]) -> list[Any]:
    """The values of this field that are not empty, each once, in the order of the alerts."""
    return list(filter(None, dict.fromkeys(map(attrgetter(name), alerts))))


def _values_of(alert: Alert) -> str:
    """The measured values. A template's `annotations.values` would be the method of that name."""
    return alert.annotations.get(readings.VALUES, "")
