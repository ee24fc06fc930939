"""A page for people: what this channel would show, newest first. Plain on purpose; everything is escaped."""

from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from testbed.fakes.discord.messages import Message, iso
from testbed.fakes.discord.state import DiscordState

STYLE = """
body{font:15px sans-serif;background:#313338;color:#dbdee1;max-width:46em;margin:2em auto;padding:0 1em}
article{margin:1.5em 0}small{color:#949ba4}a{color:#00a8fc}img{display:block;max-width:100%}
.embed{background:#2b2d31;border-left:4px solid #1e1f22;border-radius:4px;padding:.6em 1em;margin:.4em 0}
.embed p{white-space:pre-wrap;margin:.3em 0}
dl{display:flex;flex-wrap:wrap;gap:.6em 2em}dd{margin:0}dt{font-weight:bold}
.button{display:inline-block;background:#4e5058;border-radius:3px;padding:.3em .8em;margin-right:.5em}
"""


def routes(state: DiscordState) -> list[Route]:
    async def front(_: Request) -> Response:
        return HTMLResponse(page(state))

    return [Route("/", front)]


def page(state: DiscordState) -> str:
    messages = state.messages()[::-1]
    edits = sum(len(message.edits) for message in messages)
    counted = (
        f"{len(messages)} messages, {edits} edits, {len(state.requests)} requests, {state.limited} x 429"
    )
    shown = "".join(_message(message) for message in messages) or "<p>Nothing has been posted yet.</p>"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Fake Discord</title>'
        f"<style>{STYLE}</style></head><body><h1>Fake Discord</h1><p><small>{counted}</small></p>{shown}"
        "</body></html>"
    )


def _message(message: Message) -> str:
    edited = f" (edited {len(message.edits)}x, last {iso(message.revisions[-1].at)})" if message.edits else ""
    head = (
        f"<b>{escape(message.username)}</b> <small>{iso(message.created_at)}{edited}{_pings(message)}</small>"
    )
    text = f"<p>{escape(message.content)}</p>" if message.content else ""
    embeds = "".join(_embed(embed, message) for embed in message.embeds)
    return f'<article id="m{message.id}">{head}{text}{embeds}{_buttons(message)}</article>'


def _pings(message: Message) -> str:
    pinged = [
        *message.pinged.users,
        *message.pinged.roles,
        *(["everyone"] if message.pinged.everyone else []),
    ]
    return f" pinged {escape(', '.join(pinged))}" if pinged else ""


def _embed(embed: Mapping[str, Any], message: Message) -> str:
    color = embed.get("color")
    style = f' style="border-color:#{color:06x}"' if color is not None else ""
    parts = [
        _small((embed.get("author") or {}).get("name")),
        _title(embed),
        f"<p>{escape(embed.get('description') or '')}</p>",
        _fields(embed),
        _image((embed.get("image") or {}).get("url"), message),
        _small((embed.get("footer") or {}).get("text"), embed.get("timestamp")),
    ]
    return f'<div class="embed"{style}>{"".join(parts)}</div>'


def _title(embed: Mapping[str, Any]) -> str:
    title = escape(embed.get("title") or "")
    return f"<b>{_link(embed['url'], title)}</b>" if embed.get("url") else f"<b>{title}</b>"


def _fields(embed: Mapping[str, Any]) -> str:
    rows = (
        f"<div><dt>{escape(field['name'])}</dt><dd>{escape(field['value'])}</dd></div>"
        for field in embed.get("fields") or ()
    )
    return f"<dl>{''.join(rows)}</dl>"


def _image(url: str | None, message: Message) -> str:
    if not url:
        return ""
    for one in message.attachments:
        if url == f"attachment://{one.filename}":
            return (
                f'<img src="/control/attachments/{one.id}" alt="{escape(one.description or one.filename)}">'
            )
    return _link(url, escape(url))


def _buttons(message: Message) -> str:
    return "".join(
        f'<span class="button">{_link(button["url"], escape(button.get("label") or "link"))}</span>'
        for row in message.components
        for button in row.get("components") or ()
        if button.get("url")
    )


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}" rel="noreferrer">{text}</a>'


def _small(*words: str | None) -> str:
    return f"<small>{escape(' · '.join(word for word in words if word))}</small>"
