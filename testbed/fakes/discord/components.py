"""Checks message components: rows of link buttons, and components V2 as far as an alert could want them.

A webhook that a person made belongs to no application, so only link buttons work;
anything with a custom_id is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from testbed.fakes.discord import limits
from testbed.fakes.discord.problems import Path, Problems

ACTION_ROW, BUTTON, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = (
    1,
    2,
    9,
    10,
    11,
    12,
    13,
    14,
    17,
)
V2_TOP_LEVEL = frozenset({ACTION_ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER})
LINK_STYLE = 5
BUTTON_KEYS = frozenset(["type", "id", "style", "label", "emoji", "custom_id", "sku_id", "url", "disabled"])


def check(problems: Problems, value: Any, *, v2: bool) -> Sequence[Any]:
    path: Path = ("components",)
    components = problems.items(path, value, limits.COMPONENTS_V2 if v2 else limits.ROWS)
    allowed = V2_TOP_LEVEL if v2 else frozenset({ACTION_ROW})
    for at, component in enumerate(components):
        _component(problems, (*path, at), component, allowed)
    if v2:
        _v2_totals(problems, components)
    return components


def texts(components: Any) -> Iterator[str]:
    """The text of every text display: the only component text in which mentions ping."""
    for component in _walk(components):
        if component.get("type") == TEXT and isinstance(component.get("content"), str):
            yield component["content"]


def _walk(components: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(components, list):
        return
    for component in components:
        if isinstance(component, dict):
            yield component
            yield from _walk(component.get("components"))
            yield from _walk([component.get("accessory")])


def _component(problems: Problems, path: Path, value: Any, allowed: frozenset[int]) -> None:
    component = problems.object(path, value)
    if component is None:
        return
    kind = component.get("type")
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in allowed:
        choices = ", ".join(map(str, sorted(allowed)))
        problems.add(
            (*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({choices}).'
        )
    elif kind == ACTION_ROW:
        _row(problems, path, component)
    elif kind == CONTAINER:
        problems.whole((*path, "accent_color"), component.get("accent_color"), highest=limits.COLOR_MAX)
        _children(problems, path, component, V2_TOP_LEVEL - {CONTAINER})
    elif kind == SECTION:
        _children(problems, path, component, frozenset({TEXT}))
    elif kind == TEXT:
        problems.needed_text((*path, "content"), component.get("content"), limits.COMPONENTS_V2_CHARS)


def _children(problems: Problems, path: Path, parent: Mapping[str, Any], allowed: frozenset[int]) -> None:
    children = problems.items((*path, "components"), parent.get("components"), limits.COMPONENTS_V2)
    if not children:
        problems.required((*path, "components"))
    for at, child in enumerate(children):
        _component(problems, (*path, "components", at), child, allowed)


def _row(problems: Problems, path: Path, row: Mapping[str, Any]) -> None:
    problems.known(path, row, ("type", "id", "components"))
    here = (*path, "components")
    buttons = row.get("components")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= limits.ROW_BUTTONS:
        problems.add(here, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {limits.ROW_BUTTONS} in length.")
        return
    for at, button in enumerate(buttons):
        _button(problems, (*here, at), button)


def _button(problems: Problems, path: Path, value: Any) -> None:
    button = problems.object(path, value)
    if button is None:
        return
    if button.get("type") != BUTTON:
        problems.add(
            (*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({BUTTON}).'
        )
        return
    problems.known(path, button, BUTTON_KEYS)
    problems.boolean((*path, "disabled"), button.get("disabled"))
    if button.get("style") != LINK_STYLE:
        problems.add((*path, "style"), "BASE_TYPE_CHOICES", "Only link buttons work on this webhook.")
    if button.get("custom_id") is not None:
        problems.add(
            (*path, "custom_id"),
            "BUTTON_COMPONENT_CUSTOM_ID_URL",
            "A custom id and url cannot both be specified",
        )
    label = problems.text((*path, "label"), button.get("label"), limits.BUTTON_LABEL_CHARS)
    if not label and not button.get("emoji"):
        problems.add((*path, "label"), "BASE_TYPE_REQUIRED", "A button must have a label or emoji")
    if button.get("url") is None:
        problems.required((*path, "url"))
    problems.url(
        (*path, "url"),
        button.get("url"),
        longest=limits.BUTTON_URL_CHARS,
        schemes=("http", "https", "discord"),
    )


def _v2_totals(problems: Problems, components: Sequence[Any]) -> None:
    if sum(1 for _ in _walk(list(components))) > limits.COMPONENTS_V2:
        problems.add(
            ("components",), "BASE_TYPE_MAX_LENGTH", f"Must be {limits.COMPONENTS_V2} or fewer in length."
        )
    if sum(len(text.strip()) for text in texts(list(components))) > limits.COMPONENTS_V2_CHARS:
        problems.add(
            ("components",),
            "COMPONENT_MAX_TOTAL_CHARS",
            f"Text must be {limits.COMPONENTS_V2_CHARS} or fewer in length over all components.",
        )
