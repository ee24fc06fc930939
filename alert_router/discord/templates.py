"""The text of a card: Jinja2 templates, one per alertname with `default` behind it.

A template has the blocks `title`, `description`, `fields` and `footer`; a missing block is the built-in one.
An operator's folder comes before the built-in templates, which are also found under `ours/`, so that an
operator's `default.j2` can extend `ours/default.j2`. Every value is escaped for Discord's markdown; the
filters code, link, ago and clock produce markup.
"""

import collections
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import filterfalse
from operator import attrgetter
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta

from alert_router.discord import alert_facts, markdown
from alert_router.discord.markdown import Markdown
from alert_router.discord.packer import CardText, Field
from alert_router.domain import speakers
from alert_router.domain.model import Alert, CardState, DigestState
from alert_router.domain.severity import shown_word

log = logging.getLogger(__name__)
BUILTIN_DIR = Path(__file__).parent / "cards"
BUILTIN_PREFIX = "ours"
"""The folder under which the built-in templates are found, whatever files an operator has."""
OTHER_CARDS = frozenset({"digest"})
"""Templates that belong to no alertname."""


class Templates:
    def __init__(self, folder: Path | None = None) -> None:
        """folder: an operator's templates."""
        self._builtin = _environment([BUILTIN_DIR])
        self._custom = _environment([folder, BUILTIN_DIR]) if folder else None

    def render(self, state: CardState) -> CardText:
        alertname = state.alerts[0].alertname if state.alerts else ""
        return self._render([f"{_file_name(alertname)}.j2", "default.j2"], _context(state))

    def render_digest(self, state: DigestState) -> CardText:
        values = {
            "digest": state,
            "text_of": alert_facts.text_of,
            "shown_word": shown_word,
            "hidden": alert_facts.HIDDEN,
        }
        return self._render(["digest.j2"], values)

    def _render(self, names: Sequence[str], values: Mapping[str, Any]) -> CardText:
        if self._custom is None:
            return _render(self._builtin, names, values)
        try:
            return _render(self._custom, names, values)
        except Exception as error:  # a template is a program, and its author is not awake now
            log.exception("the template for %s failed; the built-in one is used", names[0])
            text = _render(self._builtin, names, values)
            failed = f"(Your template failed: {type(error).__name__}. This is the default card.)"
            return replace(text, lines=[*text.lines, markdown.escape(failed)])


def lint(folder: Path) -> list[str]:
    """The errors in an operator's templates that show without an alert: file, line, reason."""
    env = _environment([folder, BUILTIN_DIR])
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2"))
    return [f"{name}{error}" for name in files if (error := _error(env, folder, name))]


def _error(env: jinja2.Environment, folder: Path, name: str) -> str:
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
            return f": extends itself; the built-in one is {BUILTIN_PREFIX}/default.j2"
        if other is not None and other not in env.list_templates():
            return f": there is no {other}"
    return ""


class _Undefined(jinja2.StrictUndefined):
    """A missing label or annotation is empty, as in Prometheus's own templates.

    Any other missing name is an error.
    """

    def __new__(cls, _hint: str | None = None, obj: object = None, *_: object, **__: object) -> Any:
        return "" if isinstance(obj, Mapping) else super().__new__(cls)


class _Fields(list[Field]):
    """Is filled by the calls of `field` in a template."""

    def add(self, name: str, value: object, *, inline: bool = True) -> Markdown:
        if value not in ("", None):
            self.append(Field(markdown.escape(name), markdown.escape(value), inline))
        return Markdown()


def _environment(folders: Sequence[Path]) -> jinja2.Environment:
    builtin = jinja2.PrefixLoader({BUILTIN_PREFIX: jinja2.FileSystemLoader(BUILTIN_DIR)})
    env = jinja2.Environment(
        loader=jinja2.ChoiceLoader([builtin, jinja2.FileSystemLoader(folders)]),
        undefined=_Undefined,
        finalize=markdown.escape,
        autoescape=False,  # noqa: S701 - the text is markdown, and `finalize` escapes it as such
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= {
        "code": markdown.code,
        "code_block": markdown.code_block,
        "ago": markdown.ago,
        "clock": markdown.clock,
        "duration": markdown.duration,
    }
    env.globals |= {
        "link": markdown.link,
        "sign": alert_facts.sign,
        "severity_sign": alert_facts.severity_sign,
    }
    return env


def _render(env: jinja2.Environment, names: Sequence[str], values: Mapping[str, Any]) -> CardText:
    """Render the first of these templates that exists.

    The last name is a built-in one, whose blocks serve for those that the template does not have.
    """
    template = env.select_template(list(names))
    fields = _Fields()
    context = template.new_context({**values, "field": fields.add})
    # Only a run of the whole template finds inherited blocks; what it renders is rendered again below.
    collections.deque(template.root_render_func(context), maxlen=0)
    fields.clear()
    text: dict[str, str] = {}
    for name, builtin in env.get_template(f"{BUILTIN_PREFIX}/{names[-1]}").blocks.items():
        block = context.blocks[name][0] if name in context.blocks else builtin
        text[name] = "".join(block(context))
    return CardText(
        title=" ".join(text["title"].split()),
        lines=list(_lines(text["description"])),
        fields=fields,
        footer=" ".join(text["footer"].split()),
    )


def _lines(text: str) -> Iterator[str]:
    """A code block is one line, however many it has: cut in two, both halves would be markup."""
    for index, part in enumerate(text.strip().split(markdown.FENCE)):
        if index % 2:
            yield f"{markdown.FENCE}{part}{markdown.FENCE}"
        else:
            yield from map(str.rstrip, part.strip("\n").splitlines())


def _file_name(alertname: str) -> str:
    """An alertname comes from a sender: it names a file only when it is plain."""
    plain = alertname.replace("_", "").isalnum() and alertname not in OTHER_CARDS
    return alertname if plain else "default"


def _context(state: CardState) -> dict[str, Any]:
    alerts = state.alerts
    firing = list(filter(attrgetter("firing"), alerts))
    resolved = list(filterfalse(attrgetter("firing"), alerts))
    common, distinct = alert_facts.labels(alerts)
    return {
        "incident": state.incident,
        "alerts": alerts,
        "first": alerts[0] if alerts else None,
        "firing": firing,
        "resolved": resolved,
        "more": state.more_alerts,
        "note": state.note,
        "moved": False,
        "newer_url": "",
        "left_out": state.incident.left_out,
        "severity": _severity_word(alerts),
        "alertmanagers": _alertmanagers(alerts),
        "reporters": _present("reporter", alerts),
        "common": common,
        "distinct": distinct,
        "since": min(map(attrgetter("starts_at"), firing or alerts), default=state.incident.opened_at),
        "until": max(_present("ends_at", resolved), default=None),
        "flapped_for": _flapped_for(state) if state.incident.flaps else "",
        "suppressed": sorted(_present("suppressed", firing)),
        "recoveries": list(filter(None, dict.fromkeys(state.recoveries.values()))),
        "text_of": alert_facts.text_of,
        "values_of": _values_of,
    }


def _present(name: str, alerts: Sequence[Alert]) -> list[Any]:
    """The values of this field that are not empty, each once, in the order of the alerts."""
    return list(filter(None, dict.fromkeys(map(attrgetter(name), alerts))))


def _severity_word(alerts: Sequence[Alert]) -> str:
    """The sender's own; empty where nobody set one."""
    return (shown_word(alerts[0].labels.get("severity")) if alerts else None) or ""


def _alertmanagers(alerts: Sequence[Alert]) -> list[str]:
    """Those where one alert fires, of the first of which several clusters speak."""
    return list(next(filter(None, map(speakers.clusters, alerts)), ()))


def _flapped_for(state: CardState) -> str:
    """The text " in 28 min", from the first alert to the newest; empty below a minute."""
    opened_at = state.incident.opened_at
    span = max(map(attrgetter("received_at"), state.alerts), default=opened_at) - opened_at
    return f" in {markdown.duration(span)}" if span >= timedelta(minutes=1) else ""


def _values_of(alert: Alert) -> str:
    """The measured values. A template's `annotations.values` would be the method of that name."""
    return alert.annotations.get("values", "")
