"""Checks allowed_mentions, and works out whom a message pings."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.fakes.discord import limits
from testbed.fakes.discord.problems import Path, Problems

PARSE_CHOICES = ("users", "roles", "everyone")
USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Pings:
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


def check(problems: Problems, value: Any) -> None:
    path: Path = ("allowed_mentions",)
    allowed = problems.object(path, value)
    if allowed is None:
        return
    problems.known(path, allowed, ("parse", "users", "roles", "replied_user"))
    problems.boolean((*path, "replied_user"), allowed.get("replied_user"))
    parse = problems.items((*path, "parse"), allowed.get("parse"), len(PARSE_CHOICES))
    for at, kind in enumerate(parse):
        if kind not in PARSE_CHOICES:
            problems.add((*path, "parse", at), "BASE_TYPE_CHOICES", f"Value must be one of {PARSE_CHOICES}.")
    if len(set(map(str, parse))) != len(parse):
        problems.add(
            (*path, "parse"), "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value"
        )
    for kind in ("users", "roles"):
        _ids(problems, (*path, kind), allowed.get(kind))
        if kind in parse and allowed.get(kind):
            problems.add(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )


def _ids(problems: Problems, path: Path, value: Any) -> None:
    ids = problems.items(path, value, limits.MENTION_IDS)
    for at, one in enumerate(ids):
        problems.snowflake((*path, at), one)
    if len(set(map(str, ids))) != len(ids):
        problems.add(path, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")


def pings(texts: Iterable[str], allowed: Mapping[str, Any] | None) -> Pings:
    """Whom these texts ping. Without allowed_mentions everybody they name.

    The documentation says that webhooks then parse users only, reports say everything
    (discord-api-docs#2988): the fake takes the reading under which a forgotten field shows.
    """
    text = "\n".join(texts)
    chosen = {"parse": list(PARSE_CHOICES)} if allowed is None else allowed
    parse = chosen.get("parse") or ()
    return Pings(
        users=_named(USER, text, everyone="users" in parse, ids=chosen.get("users")),
        roles=_named(ROLE, text, everyone="roles" in parse, ids=chosen.get("roles")),
        everyone="everyone" in parse and EVERYONE.search(text) is not None,
    )


def _named(
    pattern: re.Pattern[str], text: str, *, everyone: bool, ids: Iterable[str] | None
) -> tuple[str, ...]:
    wanted = set(ids or ())
    return tuple(dict.fromkeys(one for one in pattern.findall(text) if everyone or one in wanted))
