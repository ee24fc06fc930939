"""Checks the embeds of a message against every documented limit."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from testbed.fakes.discord import limits
from testbed.fakes.discord.problems import Path, Problems

EMBED_KEYS = frozenset(
    {"title", "type", "description", "url", "timestamp", "color", "footer", "image", "thumbnail", "video"}
    | {"provider", "author", "fields"}
)
MEDIA_KEYS = frozenset({"url", "proxy_url", "height", "width", "description"})
SHOWN_KEYS = ("title", "description", "fields", "author", "footer", "image", "thumbnail")
IMAGE_SCHEMES = ("http", "https", "attachment")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif")


def check(problems: Problems, value: Any, attached: Collection[str]) -> Sequence[Any]:
    """The embeds. `attached` are the file names that attachment:// may name."""
    embeds = problems.items(("embeds",), value, limits.EMBEDS)
    total = sum(_embed(problems, ("embeds", at), embed, attached) for at, embed in enumerate(embeds))
    if total > limits.EMBED_TOTAL_CHARS:
        problems.add(
            ("embeds",),
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {limits.EMBED_TOTAL_CHARS}",
        )
    return embeds


def repeated_urls(embeds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Discord shows only the first of the embeds that share a URL."""
    urls = [embed["url"] for embed in embeds if embed.get("url")]
    return sorted({url for url in urls if urls.count(url) > 1})


def _embed(problems: Problems, path: Path, value: Any, attached: Collection[str]) -> int:
    """How many characters count towards the total."""
    embed = problems.object(path, value)
    if embed is None:
        if value is None:
            problems.required(path)
        return 0
    problems.known(path, embed, EMBED_KEYS)
    if not any(_is_shown(embed.get(key)) for key in SHOWN_KEYS):
        problems.required((*path, "description"))
    problems.url((*path, "url"), embed.get("url"))
    problems.time((*path, "timestamp"), embed.get("timestamp"))
    problems.whole((*path, "color"), embed.get("color"), highest=limits.COLOR_MAX)
    for name in ("image", "thumbnail"):
        _media(problems, (*path, name), embed.get(name), attached)
    return (
        len(problems.text((*path, "title"), embed.get("title"), limits.EMBED_TITLE_CHARS))
        + len(problems.text((*path, "description"), embed.get("description"), limits.EMBED_DESCRIPTION_CHARS))
        + _fields(problems, (*path, "fields"), embed.get("fields"))
        + _footer(problems, (*path, "footer"), embed.get("footer"), attached)
        + _author(problems, (*path, "author"), embed.get("author"), attached)
    )


def _is_shown(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _fields(problems: Problems, path: Path, value: Any) -> int:
    total = 0
    for at, item in enumerate(problems.items(path, value, limits.EMBED_FIELDS)):
        here = (*path, at)
        field = problems.object(here, item)
        if field is None:
            continue
        problems.known(here, field, ("name", "value", "inline"))
        problems.boolean((*here, "inline"), field.get("inline"))
        total += len(problems.needed_text((*here, "name"), field.get("name"), limits.EMBED_FIELD_NAME_CHARS))
        total += len(
            problems.needed_text((*here, "value"), field.get("value"), limits.EMBED_FIELD_VALUE_CHARS)
        )
    return total


def _footer(problems: Problems, path: Path, value: Any, attached: Collection[str]) -> int:
    footer = problems.object(path, value)
    if footer is None:
        return 0
    problems.known(path, footer, ("text", "icon_url", "proxy_icon_url"))
    _image_url(problems, (*path, "icon_url"), footer.get("icon_url"), attached)
    return len(problems.needed_text((*path, "text"), footer.get("text"), limits.EMBED_FOOTER_CHARS))


def _author(problems: Problems, path: Path, value: Any, attached: Collection[str]) -> int:
    author = problems.object(path, value)
    if author is None:
        return 0
    problems.known(path, author, ("name", "url", "icon_url", "proxy_icon_url"))
    problems.url((*path, "url"), author.get("url"))
    _image_url(problems, (*path, "icon_url"), author.get("icon_url"), attached)
    return len(problems.needed_text((*path, "name"), author.get("name"), limits.EMBED_AUTHOR_CHARS))


def _media(problems: Problems, path: Path, value: Any, attached: Collection[str]) -> None:
    media = problems.object(path, value)
    if media is None:
        return
    problems.known(path, media, MEDIA_KEYS)
    if media.get("url") is None:
        problems.required((*path, "url"))
    _image_url(problems, (*path, "url"), media.get("url"), attached)


def _image_url(problems: Problems, path: Path, value: Any, attached: Collection[str]) -> None:
    problems.url(path, value, schemes=IMAGE_SCHEMES)
    if not isinstance(value, str) or not value.startswith("attachment://"):
        return
    name = value.removeprefix("attachment://")
    if name not in attached:
        problems.add(path, "ATTACHMENT_NOT_FOUND", f"No attachment of this message is named {name}.")
    elif not name.lower().endswith(IMAGE_ENDINGS):
        problems.add(path, "ATTACHMENT_NOT_AN_IMAGE", f"Must end in one of {', '.join(IMAGE_ENDINGS)}.")
