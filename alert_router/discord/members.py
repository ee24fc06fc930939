"""The alerts of a card, worst first: of each only what the others do not share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alert_router.discord import alert_facts, readings, texts
from alert_router.discord.markdown import Markdown, ago, code, duration, escape
from alert_router.domain.card_facts import Measure
from alert_router.domain.model import Alert, Labels

MAX_MEMBERS = 8
MAX_CHIPS = 4
"""Of one member."""
CHIP_CHARS = 60
ONE_CHIP = 2
"""Backticks."""
TEXT_CHARS = 110
TOGETHER = timedelta(minutes=2)
"""Alerts that started within this time of the first show no start of their own."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of all alerts."""

    shared: Labels
    annotations: Labels
    """Which all share."""
    noise: Collection[str]
    measures: Mapping[int, Measure]
    since: datetime
    limit: str = ""
    """Which all share: it stands above."""
    varying: Mapping[str, Collection[str]] | None = None
    """Where the alerts have several names: of each, the labels in which its alerts differ."""
    several_reporters: bool = False
    all_over: bool = False
    """Nothing fires any more: how long all of it lasted stands above."""
    own_words: Mapping[int, str] | None = None
    """Of each alert the words in which its sentence differs; None: they have too little in common."""


def lines(alerts: Sequence[Alert], context: Context) -> list[Markdown]:
    """One line an alert; a single line where only chips tell them apart."""
    shown = alerts[:MAX_MEMBERS]
    parts = [_parts(alert, context) for alert in shown]
    signs = [alert_facts.sign(alert) for alert in shown]
    same_sign = len({alert_facts.sign(alert) for alert in alerts}) == 1
    if same_sign and all(not rest and named.count("`") <= ONE_CHIP for named, rest in parts):
        chips_of_all = dict.fromkeys(chips for chips, _ in parts if chips)
        return [Markdown(" ".join(chips_of_all))] if chips_of_all else []
    return [
        Markdown(" ".join(filter(None, ("" if same_sign else sign, chips, _with_rest(chips, rest)))))
        for sign, (chips, rest) in zip(signs, parts, strict=True)
    ]


def _with_rest(chips: str, rest: Sequence[str]) -> str:
    joined = " · ".join(rest)
    return f"– {joined}" if chips and joined else joined  # noqa: RUF001 - a dash, as in all titles


def _parts(alert: Alert, context: Context) -> tuple[str, Sequence[str]]:
    """What names it, and what else is its own."""
    own = own_labels(alert, context.shared, context.noise)
    name = []
    if context.varying is not None:
        name = [escape(alert.alertname.strip() or "Alert")]
        shown = {*context.varying[alert.alertname], *alert_facts.PLACES}
        own = {label: text for label, text in own.items() if label in shown}
    by = [escape(alert.reporter)] if context.several_reporters and not own else []
    named = " ".join([*name, *chips(own), *by])
    measure = readings.of(alert, context.measures)
    limit = f"limit {measure.limit}" if measure.limit and measure.limit != context.limit else ""
    rest = (
        escape(_text(alert, context, own.values())),
        Markdown(f"**{escape(measure.value)}**") if measure.value else "",
        escape(limit),
        _time(alert, context),
        escape(alert.suppressed) if alert.suppressed and alert.firing else "",
    )
    return named, [part for part in rest if part]


def varying(alerts: Sequence[Alert]) -> Mapping[str, Collection[str]]:
    """By alertname, the labels in which the alerts of that name differ."""
    by_name: dict[str, list[Labels]] = {}
    for alert in alerts:
        by_name.setdefault(alert.alertname, []).append(alert.labels)
    return {
        name: {label for labels in each for label in labels if len({one.get(label) for one in each}) > 1}
        for name, each in by_name.items()
    }


def own_labels(alert: Alert, shared: Labels, noise: Collection[str]) -> Labels:
    """In which it differs, the most telling first; the noise only where nothing else differs."""
    own = {
        name: text
        for name, text in alert.labels.items()
        if shared.get(name) != text and name not in alert_facts.HIDDEN
    }
    telling = {name: text for name, text in own.items() if name not in noise} or own
    return dict(sorted(telling.items(), key=lambda item: alert_facts.most_telling_first(item[0])))


def chips(own: Labels) -> list[str]:
    shown = [
        code(text if name in alert_facts.PLACES else f"{name}={text}", CHIP_CHARS)
        for name, text in list(own.items())[:MAX_CHIPS]
    ]
    left_out = len(own) - len(shown)
    return [*shown, f"+{left_out}"] if left_out > 0 else list(shown)


def _text(alert: Alert, context: Context, own: Collection[str]) -> str:
    """Its sentence, or of it what the others do not say and no chip shows."""
    if context.own_words is not None:
        words = context.own_words.get(alert.id, "")
        return "" if words in own else texts.short(words, TEXT_CHARS)
    sentence = alert_facts.sentence_of(alert) or _others(alert, context.annotations)
    return texts.short(sentence, TEXT_CHARS)


def _others(alert: Alert, shared: Labels) -> str:
    own = texts.others(dict(alert.annotations.items() - shared.items()))
    return " ".join(f"{name}: {text}" for name, text in sorted(own.items()))


def _time(alert: Alert, context: Context) -> str:
    start = alert_facts.start_of(alert)
    if alert.firing:
        return ago(start) if start - context.since > TOGETHER else ""
    if context.all_over or alert_facts.is_moment(alert):
        return ""
    return f"lasted {duration(alert_facts.lasted([alert]))}"
