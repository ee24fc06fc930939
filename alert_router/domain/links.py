"""Links that an event brings, kept in an annotation that people can read: one "title url" a line. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

ANNOTATION = "links"


class Link(NamedTuple):
    title: str
    url: str


def to_text(links: Iterable[Link]) -> str:
    return "\n".join(f"{link.title} {link.url}" for link in links)


def of(annotations: Mapping[str, str]) -> tuple[Link, ...]:
    """What is written in another form, by another sender, is no link."""
    parts = (line.rpartition(" ") for line in annotations.get(ANNOTATION, "").splitlines())
    return tuple(
        Link(title, url) for title, _, url in parts if title and url.startswith(("http://", "https://"))
    )
