"""The words of a card: Jinja2 templates, one per alertname with `default` behind it.

A template has the blocks `title`, `description`, `fields` and `footer`; those that it does not have are ours.
An operator's own folder comes before ours, which are at `ours/…` as well, so that a default of one's own can
extend ours. Every value is escaped for Discord's markdown on its way into the text; the filters code, link,
ago and clock make markup.
"""

import collections
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta

from alert_router.discord import markdown
from alert_router.discord.markdown import Markdown
from alert_router.discord.packer import Field
from alert_router.domain.model import Alert, CardState, DigestState, Labels, severity_rank

log = logging.getLogger(__name__)
OWN = Path(__file__).parent / "cards"
OURS = "ours"
"""The folder under which our templates are found whatever an operator has called theirs."""
SIGNS = {4: "🔴", 3: "🟠", 2: "🟡", 1: "🔵", 0: "⚪"}
"""By severity rank."""
RESOLVED_SIGN = "🟢"
OTHER_CARDS = frozenset({"digest"})
"""Templates of cards that are no incident's: no alertname may name them."""
HIDDEN = frozenset({"alertname", "severity"})
"""Labels that the card already tells in its own way."""


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    lines: Sequence[str]
    fields: Sequence[Field]
    footer: str


class Templates:
    def __init__(self, own_folder: Path | None = None) -> None:
        """own_folder: an operator's templates."""
        self._ours = _environment([OWN])
        self._theirs = _environment([own_folder, OWN]) if own_folder else None

    def words(self, state: CardState) -> Words:
        name = state.alerts[0].alertname if state.alerts else ""
        return self._chosen([f"{_file_name(name)}.j2", "default.j2"], _context(state))

    def digest_words(self, state: DigestState) -> Words:
        return self._chosen(["digest.j2"], {"digest": state, "text_of": _text_of, "hidden": HIDDEN})

    def _chosen(self, names: Sequence[str], values: Mapping[str, Any]) -> Words:
        if self._theirs is None:
            return _words(self._ours, names, values)
        try:
            return _words(self._theirs, names, values)
        except Exception as error:  # a template is a program, of somebody who is not awake now
            log.exception("the template for %s failed; ours tells it instead", names[0])
            words = _words(self._ours, names, values)
            failed = f"(Your template failed: {type(error).__name__}. This is the default card.)"
            return replace(words, lines=[*words.lines, markdown.escape(failed)])


def faults(own_folder: Path) -> list[str]:
    """What is wrong with an operator's templates as far as it shows without an alert: file, line, why."""
    env = _environment([own_folder, OWN])
    files = sorted(path.relative_to(own_folder).as_posix() for path in own_folder.rglob("*.j2"))
    return [f"{name}{fault}" for name in files if (fault := _fault(env, own_folder, name))]


def _fault(env: jinja2.Environment, folder: Path, name: str) -> str:
    try:
        text = (folder / name).read_text()
        parsed = env.parse(text)
        env.compile(text, name)
    except jinja2.TemplateSyntaxError as error:
        return f":{error.lineno}: {error.message}"
    except (OSError, UnicodeDecodeError) as error:
        return f": {error}"
    for other in meta.find_referenced_templates(parsed):
        if other == name:
            return f": extends itself; ours is {OURS}/default.j2"
        if other is not None and other not in env.list_templates():
            return f": there is no {other}"
    return ""


class _Environment(jinja2.Environment):
    """A label or annotation that is not there is empty, as in Prometheus's own templates.

    Any other name that is not there is an error.
    """

    def getattr(self, obj: Any, attribute: str) -> Any:
        return _or_empty(obj, super().getattr(obj, attribute))

    def getitem(self, obj: Any, argument: Any) -> Any:
        return _or_empty(obj, super().getitem(obj, argument))


def _or_empty(obj: Any, found: Any) -> Any:
    return "" if isinstance(obj, Mapping) and isinstance(found, jinja2.Undefined) else found


def _environment(folders: Sequence[Path]) -> jinja2.Environment:
    ours = jinja2.PrefixLoader({OURS: jinja2.FileSystemLoader(OWN)})
    made = _Environment(
        loader=jinja2.ChoiceLoader([ours, jinja2.FileSystemLoader(folders)]),
        undefined=jinja2.StrictUndefined,
        finalize=markdown.escape,
        autoescape=False,  # the text is markdown, and `finalize` escapes it as such
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "code": markdown.code,
        "ago": markdown.ago,
        "clock": markdown.clock,
        "duration": markdown.duration,
    }
    made.globals |= {"link": markdown.link, "sign": sign, "severity_sign": severity_sign}
    return made


def _words(env: jinja2.Environment, names: Sequence[str], values: Mapping[str, Any]) -> Words:
    """The first template of these names that there is, told with these values.

    The last name is one of ours, whose blocks stand in for those that the template does not have.
    """
    template = env.select_template(list(names))
    fields: list[Field] = []
    context = template.new_context({**values, "field": _collector(fields)})
    # Only running the whole template finds the blocks that it inherits; what that told is told again below.
    collections.deque(template.root_render_func(context), maxlen=0)
    fields.clear()
    blocks = {
        **env.get_template(f"{OURS}/{names[-1]}").blocks,
        **{name: inherited[0] for name, inherited in context.blocks.items()},
    }
    text = {name: "".join(block(context)) for name, block in blocks.items()}
    return Words(
        title=" ".join(text["title"].split()),
        lines=[line.rstrip() for line in text["description"].strip().splitlines()],
        fields=fields,
        footer=" ".join(text["footer"].split()),
    )


def sign(alert: Alert) -> str:
    return severity_sign(alert.severity) if alert.firing else RESOLVED_SIGN


def severity_sign(severity: str) -> str:
    return SIGNS[severity_rank(severity)]


def _file_name(alertname: str) -> str:
    """An alertname is a sender's word: it names a file only when it is a plain one."""
    plain = alertname.replace("_", "").isalnum() and alertname not in OTHER_CARDS
    return alertname if plain else "default"


def _collector(fields: list[Field]) -> Any:
    def field(name: str, value: object, *, inline: bool = True) -> Markdown:
        if value not in ("", None):
            fields.append(Field(markdown.escape(name), markdown.escape(value), inline))
        return Markdown()

    return field


def _context(state: CardState) -> dict[str, Any]:
    alerts = state.alerts
    firing = [alert for alert in alerts if alert.firing]
    resolved = [alert for alert in alerts if not alert.firing]
    common = _common(alerts)
    return {
        "incident": state.incident,
        "alerts": alerts,
        "first": alerts[0] if alerts else None,
        "firing": firing,
        "resolved": resolved,
        "more": state.more_alerts,
        "note": state.note,
        "moved": state.newer_url is not None,
        "newer_url": state.newer_url or "",
        "reporters": list(dict.fromkeys(alert.reporter for alert in alerts if alert.reporter)),
        "common": {name: value for name, value in common.items() if name not in HIDDEN},
        "distinct": {alert.id: _distinct(alert, common) for alert in alerts},
        "since": min((alert.starts_at for alert in firing or alerts), default=state.incident.opened_at),
        "until": max((alert.ends_at for alert in resolved if alert.ends_at), default=None),
        "flapped_for": _flapped_for(state),
        "suppressed": sorted({alert.suppressed for alert in firing if alert.suppressed}),
        "recoveries": [text for text in dict.fromkeys(state.recoveries.values()) if text],
        "text_of": _text_of,
        "values_of": _values_of,
    }


def _flapped_for(state: CardState) -> str:
    """From its first alert to its newest, in words; nothing where that is no time worth telling."""
    opened_at = state.incident.opened_at
    span = max((alert.received_at for alert in state.alerts), default=opened_at) - opened_at
    return f" in {markdown.duration(span)}" if span >= timedelta(minutes=1) else ""


def _common(alerts: Sequence[Alert]) -> Labels:
    """The labels that all alerts share."""
    if not alerts:
        return {}
    first, *others = (alert.labels for alert in alerts)
    return {
        name: value
        for name, value in sorted(first.items())
        if all(labels.get(name) == value for labels in others)
    }


def _distinct(alert: Alert, common: Labels) -> Labels:
    """What tells this alert from its neighbours."""
    return {name: value for name, value in sorted(alert.labels.items()) if name not in common}


def _text_of(alert: Alert) -> str:
    """What the alert says, in the customary annotations, most telling first."""
    wanted = ("description", "message", "summary")
    return next((alert.annotations[name] for name in wanted if alert.annotations.get(name)), "")


def _values_of(alert: Alert) -> str:
    """What was measured. A template's `annotations.values` would be the method of that name."""
    return alert.annotations.get("values", "")
