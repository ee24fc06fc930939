"""The text of a card: Jinja2 templates, one per alertname with `default` behind it.

A template has the blocks `title`, `description` (with `next` in it), `fields` and `footer`; a missing block
is the built-in one.
An operator's folder comes before the built-in templates, which are also found under `ours/`, so that an
operator's `default.j2` can extend `ours/default.j2`. Every value is escaped for Discord's markdown; the
filters code, link, ago and clock produce markup.
"""

import collections
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta

from alert_router.discord import alert_facts, markdown
from alert_router.discord.card_view import CardView
from alert_router.discord.digest_view import DigestView
from alert_router.discord.markdown import Markdown
from alert_router.discord.packer import CardText, Field

log = logging.getLogger(__name__)
BUILTIN_DIR = Path(__file__).parent / "cards"
BUILTIN_PREFIX = "ours"
"""The folder under which the built-in templates are found, whatever files an operator has."""
BLOCKS = ("title", "description", "fields", "footer")
DIGEST = "digest.j2"
DEFAULT = "default.j2"
OTHER_CARDS = frozenset({"digest"})
"""Templates that belong to no alertname."""


class Templates:
    """An operator's templates are read again when their files change."""

    def __init__(self, folder: Path | None = None, *, only: str | None = None) -> None:
        """folder: an operator's templates. only: the file of it that renders every card."""
        self._builtin = _environment([BUILTIN_DIR])
        self._custom = _environment([folder, BUILTIN_DIR], auto_reload=True) if folder else None
        self._only = only

    def render(self, view: CardView) -> CardText:
        alerts = view.state.alerts
        name = self._only or f"{_file_name(alerts[0].alertname if alerts else '')}.j2"
        return self._render([name, DEFAULT], view.values())

    def render_digest(self, view: DigestView) -> CardText:
        return self._render([DIGEST], view.values())

    def _render(self, names: Sequence[str], values: Mapping[str, Any]) -> CardText:
        if self._custom is None:
            return _render(self._builtin, names, values)
        try:
            return _render(self._custom, names, values)
        except Exception as error:  # a template is a program, and its author is not awake now
            log.exception("the template for %s failed; the built-in one is used", names[0])
            text = _render(self._builtin, names, values)
            failed = f"(Your template failed: {type(error).__name__}. This is the default card.)"
            # First: whatever is cut for want of room, this is read.
            return replace(text, lines=[markdown.escape(failed), *text.lines])


def lint(folder: Path, samples: Iterable[CardView], digests: Iterable[DigestView]) -> list[str]:
    """The errors in an operator's templates, also those that only show with alerts: file, line, reason."""
    env = _environment([folder, BUILTIN_DIR])
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2"))
    storms = [view.values() for view in digests]
    cards = [view.values() for view in samples]
    named = [values for values in cards if values["alerts"]]
    errors = []
    for name in files:
        tried = storms if name == DIGEST else cards if name == DEFAULT else named
        builtin = DIGEST if name == DIGEST else DEFAULT
        error = _error(env, folder, name) or _failure(env, [name, builtin], tried)
        errors += [f"{name}{error}"] if error else []
    return errors


def _failure(env: jinja2.Environment, names: Sequence[str], samples: Iterable[Mapping[str, Any]]) -> str:
    """The first failure on a sample alert."""
    for values in samples:
        try:
            _render(env, names, values)
        except Exception as error:  # noqa: BLE001 - whatever a template can raise
            line = _line_in(env.get_template(names[0]), error)
            return f"{f':{line}' if line else ''}: {type(error).__name__}: {error}"
    return ""


def _line_in(template: jinja2.Template, error: Exception) -> int | None:
    """Of the template's text: the traceback has the lines of the program made from it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = (frame.lineno for frame in reversed(frames) if frame.filename == template.filename)
    line = next(filter(None, lines), None)
    return None if line is None else template.get_corresponding_lineno(line)


def _error(env: jinja2.Environment, folder: Path, name: str) -> str:
    """What shows without an alert."""
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


def _environment(folders: Sequence[Path], *, auto_reload: bool = False) -> jinja2.Environment:
    builtin = jinja2.PrefixLoader({BUILTIN_PREFIX: jinja2.FileSystemLoader(BUILTIN_DIR)})
    env = jinja2.Environment(
        loader=jinja2.ChoiceLoader([builtin, jinja2.FileSystemLoader(folders)]),
        undefined=_Undefined,
        finalize=markdown.escape,
        autoescape=False,  # noqa: S701 - the text is markdown, and `finalize` escapes it as such
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=auto_reload,
    )
    env.filters |= {
        "code": markdown.code,
        "code_block": markdown.code_block,
        "plain": markdown.plain,
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
    for name, builtin in env.get_template(f"{BUILTIN_PREFIX}/{names[-1]}").blocks.items():
        context.blocks.setdefault(name, [builtin])
    text = {name: "".join(context.blocks[name][0](context)) for name in BLOCKS}
    return CardText(
        title=" ".join(text["title"].split()),
        lines=list(_without_gaps(text["description"].strip().splitlines())),
        fields=fields,
        footer=" ".join(text["footer"].split()),
    )


def _without_gaps(lines: Iterable[str]) -> Iterator[str]:
    """At most one blank line in a row: what a template leaves out leaves no gap. Code stays as it is."""
    in_code, blank = False, False
    for line in map(str.rstrip, lines):
        in_code ^= line.startswith(markdown.FENCE)
        if line or in_code or not blank:
            yield line
        blank = not line


def _file_name(alertname: str) -> str:
    """An alertname comes from a sender: it names a file only when it is plain."""
    plain = alertname.replace("_", "").isalnum() and alertname not in OTHER_CARDS
    return alertname if plain else "default"
