"""A page as tests look at it: its tags, its links, its text."""

from html.parser import HTMLParser

BLOCKS = frozenset({"dd", "div", "dt", "h1", "h2", "h3", "li", "option", "p", "small", "td", "th"})
"""A word does not go on from one to the next."""


class ParsedPage(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.words += " " * (tag in BLOCKS)

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def text(self) -> str:
        return " ".join(self.words.split())

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.tags if tag == "a"]

    def attributes(self, tag: str, name: str) -> list[str]:
        """Of all tags of this kind that have it."""
        return [attrs[name] or "" for one, attrs in self.tags if one == tag and name in attrs]
