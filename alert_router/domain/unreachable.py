"""Routes that no alert can reach. Only proven cases: regular expressions are not compared with each other."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alert_router.domain.matchers import Matcher
from alert_router.domain.routes import Route

_ALTERNATIVES = re.compile(r"(?:\(\?:|\()?([^\\.+*?()\[\]{}^$]*)\)?")
"""A pattern of plain words, such as a|b or (a|b)."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    route: Route
    covered_by: Route | None
    """The sibling before it that takes all that it matches; None when its matchers exclude each other."""


def unreachable(root: Route) -> tuple[Unreachable, ...]:
    """In the tree's order; what lies below such a route is not listed."""
    return tuple(_below(root, ()))


def _below(parent: Route, known: tuple[Matcher, ...]) -> Iterator[Unreachable]:
    for index, child in enumerate(parent.routes):
        conditions = known + child.matchers
        if _contradict(conditions):
            yield Unreachable(child, None)
            continue
        earlier = (sibling for sibling in parent.routes[:index] if not sibling.continue_)
        cover = next((sibling for sibling in earlier if _implies(conditions, sibling.matchers)), None)
        if cover is None:
            yield from _below(child, conditions)
        else:
            yield Unreachable(child, cover)


def _implies(conditions: tuple[Matcher, ...], matchers: Iterable[Matcher]) -> bool:
    return all(_implies_one(conditions, matcher) for matcher in matchers)


def _implies_one(conditions: tuple[Matcher, ...], matcher: Matcher) -> bool:
    values = _values(conditions, matcher.name)
    if values is not None:
        return all(matcher.matches({matcher.name: value}) for value in values)
    return matcher in conditions or matcher == Matcher(matcher.name, "=~", ".*")


def _contradict(conditions: tuple[Matcher, ...]) -> bool:
    return any(_values(conditions, name) == () for name in {matcher.name for matcher in conditions})


def _values(conditions: tuple[Matcher, ...], name: str) -> tuple[str, ...] | None:
    """All values that the label can have under the conditions; None when they are not finitely many."""
    about = [matcher for matcher in conditions if matcher.name == name]
    listed = next((values for matcher in about if (values := _listed(matcher)) is not None), None)
    if listed is None:
        return None
    return tuple(value for value in listed if all(matcher.matches({name: value}) for matcher in about))


def _listed(matcher: Matcher) -> tuple[str, ...] | None:
    if matcher.operator == "=":
        return (matcher.value,)
    words = _ALTERNATIVES.fullmatch(matcher.value) if matcher.operator == "=~" else None
    return tuple(words.group(1).split("|")) if words else None
