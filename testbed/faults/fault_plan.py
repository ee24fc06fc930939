"""What goes wrong, and when: drawn from a seed, whatever then comes of it. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any, Literal

from testbed.fakes.discord import Fault, faults


class Kind(StrEnum):
    DISCORD = "Discord misbehaves"
    CHANNEL_DELETED = "webhook deleted, then revived"
    MESSAGE_DELETED = "a person deletes a message"
    KILLED = "kill -9 at a random moment"
    KILLED_STORED = "kill -9, a create kept by Discord and not yet answered"
    KILLED_UNSTORED = "kill -9, a create under way that never arrives"
    LOCKED = "database locked longer than the router waits"
    DISK_FULL = "disk full"
    CLOCK = "clock stepped"
    CUT_OFF = "database connections terminated"
    DATABASE_CRASHED = "database server crashed and restarted"
    UNREADABLE = "webhook nobody can read"


@dataclass(frozen=True, slots=True)
class Mishap:
    at_s: float
    kind: Kind
    seconds: float = 0.0
    """How long it lasts; of a clock's step, by how much (either way)."""
    fault: Fault | None = None
    operation: Literal["create", "edit"] | None = None
    body: bytes = b""
    refused: int = 0
    """Of an unreadable webhook: how much of it must be in the quarantine."""
    choice: float = 0.0
    """A number from 0 to 1, to choose by among what is there when the time comes."""

    @property
    def name(self) -> str:
        return f"Discord: {self.fault}" if self.fault is not None else str(self.kind)


Draw = Callable[[Random], Fault]
AMBIGUOUS = ("timeout", "reset", "malformed", "status")
"""With `stored`: Discord has the message, and the router cannot know it."""


def _limited(scope: Any, least_s: float, most_s: float, random: Random) -> Fault:
    return faults.limited(scope, seconds=round(random.uniform(least_s, most_s), 2))


def _slow(random: Random) -> Fault:
    return faults.slow(round(random.uniform(0.2, 3.0), 2))


def _fixed(fault: Fault) -> Draw:
    return lambda _: fault


@dataclass(frozen=True, slots=True)
class Share:
    """How often something happens, in the full form and in the short one."""

    draw: Draw
    full: int
    short: int


DISCORD: Sequence[Share] = (
    Share(partial(_limited, "user", 0.3, 2.0), 12, 2),
    Share(partial(_limited, "shared", 0.3, 2.0), 8, 1),
    Share(partial(_limited, "global", 0.3, 2.0), 8, 1),
    Share(partial(_limited, "cloudflare_html", 3.0, 6.0), 2, 0),
    Share(partial(_limited, "cloudflare_json", 3.0, 6.0), 1, 0),
    Share(_fixed(faults.status(500)), 8, 2),
    Share(_fixed(faults.status(500, stored=True)), 8, 1),
    Share(_fixed(faults.status(502)), 12, 2),
    Share(_fixed(faults.status(503)), 6, 1),
    Share(_fixed(faults.status(504)), 8, 1),
    Share(_fixed(faults.status(504, stored=True)), 8, 1),
    Share(_fixed(faults.timeout()), 4, 0),
    Share(_fixed(faults.timeout(stored=True)), 4, 1),
    Share(_fixed(faults.reset()), 20, 4),
    Share(_fixed(faults.reset(stored=True)), 20, 2),
    Share(_slow, 20, 2),
    Share(_fixed(faults.malformed("broken_json")), 4, 1),
    Share(_fixed(faults.malformed("html")), 4, 1),
    Share(_fixed(faults.malformed("missing_id")), 4, 1),
    Share(_fixed(faults.malformed("list")), 4, 1),
    Share(_fixed(faults.malformed("empty")), 4, 1),
    Share(_fixed(faults.status(400, code=50035)), 6, 1),
    Share(_fixed(faults.status(413)), 2, 1),
)
HOUSE: Mapping[Kind, tuple[int, int]] = {
    Kind.CHANNEL_DELETED: (2, 0),
    Kind.MESSAGE_DELETED: (20, 2),
    Kind.KILLED: (16, 2),
    Kind.KILLED_STORED: (5, 1),
    Kind.KILLED_UNSTORED: (4, 1),
    Kind.LOCKED: (5, 1),
    Kind.UNREADABLE: (30, 5),
}
OF_SQLITE: Mapping[Kind, tuple[int, int]] = {Kind.DISK_FULL: (6, 1)}
OF_POSTGRES: Mapping[Kind, tuple[int, int]] = {Kind.CUT_OFF: (6, 2), Kind.DATABASE_CRASHED: (3, 1)}


def drawn(random: Random, *, until_s: float, full: bool, postgres: bool) -> tuple[Mishap, ...]:
    """All of them, in the order of their hour."""
    shares = {**HOUSE, **(OF_POSTGRES if postgres else OF_SQLITE)}
    found = [
        _of_discord(share, random, until_s)
        for share in DISCORD
        for _ in range(share.full if full else share.short)
    ]
    for kind, (many, few) in shares.items():
        found += [_of_house(kind, random, until_s) for _ in range(many if full else few)]
    for _ in range(8 if full else 2):
        found += _clock_away_and_back(random, until_s)
    if not full:
        found += _ban_and_restart(random, until_s)
    return tuple(sorted(found, key=lambda one: one.at_s))


def _hour(random: Random, until_s: float) -> float:
    return round(random.uniform(0.04, 0.97) * until_s, 2)


def _of_discord(share: Share, random: Random, until_s: float) -> Mishap:
    fault = share.draw(random)
    operation: Literal["create", "edit"] = "create" if random.random() < 0.6 else "edit"
    return Mishap(_hour(random, until_s), Kind.DISCORD, fault=fault, operation=operation)


def _of_house(kind: Kind, random: Random, until_s: float) -> Mishap:
    at_s = _hour(random, until_s)
    match kind:
        case Kind.LOCKED:
            return Mishap(at_s, kind, seconds=random.uniform(5.5, 8.0))
        case Kind.DISK_FULL | Kind.CHANNEL_DELETED:
            return Mishap(at_s, kind, seconds=random.uniform(2.0, 5.0))
        case Kind.KILLED:
            return Mishap(at_s, kind, seconds=random.choice((0.0, 0.0, random.uniform(0.5, 3.0))))
        case Kind.UNREADABLE:
            body, refused = _unreadable(random)
            return Mishap(at_s, kind, body=body, refused=refused)
        case _:
            return Mishap(at_s, kind, choice=random.random())


def _clock_away_and_back(random: Random, until_s: float) -> list[Mishap]:
    """Somebody sets the clock wrong, and somebody sets it right. (Left hours ahead, every message would seem
    old, and edits of old messages have a slower pace: it would all take longer and show no more.)"""
    at_s = _hour(random, until_s)
    step_s = random.choice((-1, 1)) * random.choice((90, 600, 3600, 6 * 3600))
    back_s = at_s + random.uniform(2.0, 30.0)
    return [Mishap(at_s, Kind.CLOCK, seconds=step_s), Mishap(back_s, Kind.CLOCK, seconds=-step_s)]


def _ban_and_restart(random: Random, until_s: float) -> list[Mishap]:
    """Blocked by Cloudflare the router waits a minute: too long here, but a restart forgets it."""
    at_s = 0.3 * until_s
    fault = _limited("cloudflare_html", 0.5, 1.0, random)
    return [
        Mishap(at_s, Kind.DISCORD, fault=fault),
        Mishap(at_s + 3.0, Kind.KILLED),
    ]


def _unreadable(random: Random) -> tuple[bytes, int]:
    """A webhook that cannot be taken, wholly or in part; what must be kept of it."""
    mark = f"unreadable-{random.getrandbits(48):012x}"
    good = {
        "status": "resolved",
        "labels": {"alertname": "Beside", "instance": mark},
        "startsAt": "2026-11-22T10:00:00Z",
        "endsAt": "2026-11-22T10:00:01Z",
    }
    bad: dict[str, Any] = {"status": "firing", "labels": {"alertname": mark}, "startsAt": "yesterday"}
    whole: Mapping[str, Any] = {"version": "4", "groupLabels": {"mark": mark}}
    bodies = (
        f'{{"version": "4", "mark": "{mark}", "alerts": ['.encode(),
        json.dumps([good]).encode(),
        json.dumps({**whole, "alerts": "none"}).encode(),
        json.dumps({**whole, "alerts": [bad]}).encode(),
        json.dumps({**whole, "alerts": [{**bad, "labels": {}}, {**bad, "status": mark}]}).encode(),
        json.dumps(mark).encode(),
    )
    return random.choice(bodies), 1
