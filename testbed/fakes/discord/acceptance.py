"""Whether Discord would accept a message: the fake's rules without its server."""

from collections.abc import Iterator, Mapping
from typing import Any

from alert_router.discord import packer
from testbed.fakes.discord import payload as discord_payload
from testbed.fakes.discord.answers import Refused
from testbed.fakes.discord.forms import Form
from testbed.fakes.discord.problems import Problems

Payload = Mapping[str, Any]


def refusals(payload: Payload) -> list[str]:
    """Discord's errors for this message, as a create and as an edit of itself."""
    problems = Problems()
    try:
        shown = discord_payload.create(problems, Form(payload), with_components=True, new_id=lambda: "1")
        discord_payload.edit(problems, Form(payload), shown, with_components=True, new_id=lambda: "1")
    except Refused as refused:
        return [str(refused)]
    return problems.unknown_keys


def shapes(payload: Payload) -> Iterator[Payload]:
    """A message, and what the router sends when it was refused once and twice."""
    yield payload
    yield packer.without_urls(payload)
    yield packer.plain(payload)
