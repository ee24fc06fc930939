"""Draws the faults of a campaign, and when they happen, from a seed. Pure."""

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
    INVALID_WEBHOOK = "invalid webhook"


@dataclass(frozen=True, slots=True)
class PlannedFault:
    at_s: float
    kind: Kind
    seconds: float = 0.0
    """The duration; of a clock step, the signed offset."""
    discord_fault: Fault | None = None
    operation: Literal["create", "edit"] | None = None
    body: bytes = b""
    refused: int = 0
    """Of an invalid webhook: the number of entries it leaves in the quarantine."""
    choice: float = 0.0
    """From 0 to 1: selects one of the messages that exist when the fault is due."""

    @property
    def name(self) -> str:
        return f"Discord: {self.discord_fault}" if self.discord_fault is not None else str(self.kind)


Draw = Callable[[Random], Fault]


def _limited(scope: Any, min_s: float, max_s: float, random: Random) -> Fault:
    return faults.limited(scope, seconds=round(random.uniform(min_s, max_s), 2))


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


DISCORD_FAULTS: Sequence[Share] = (
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
    Share(_fixed(faults.invalid_body("broken_json")), 4, 1),
    Share(_fixed(faults.invalid_body("html")), 4, 1),
    Share(_fixed(faults.invalid_body("missing_id")), 4, 1),
    Share(_fixed(faults.invalid_body("list")), 4, 1),
    Share(_fixed(faults.invalid_body("empty")), 4, 1),
    Share(_fixed(faults.status(400, code=50035)), 6, 1),
    Share(_fixed(faults.status(413)), 2, 1),
)
ROUTER_FAULTS: Mapping[Kind, tuple[int, int]] = {
    Kind.CHANNEL_DELETED: (2, 0),
    Kind.MESSAGE_DELETED: (20, 2),
    Kind.KILLED: (16, 2),
    Kind.KILLED_STORED: (5, 1),
    Kind.KILLED_UNSTORED: (4, 1),
    Kind.LOCKED: (5, 1),
    Kind.INVALID_WEBHOOK: (30, 5),
}
SQLITE_FAULTS: Mapping[Kind, tuple[int, int]] = {Kind.DISK_FULL: (6, 1)}
POSTGRES_FAULTS: Mapping[Kind, tuple[int, int]] = {Kind.CUT_OFF: (6, 2), Kind.DATABASE_CRASHED: (3, 1)}


def draw(random: Random, *, until_s: float, full: bool, postgres: bool) -> tuple[PlannedFault, ...]:
    """All of them, in the order of their time."""
    shares = {**ROUTER_FAULTS, **(POSTGRES_FAULTS if postgres else SQLITE_FAULTS)}
    drawn = [
        _discord_fault(share, random, until_s)
        for share in DISCORD_FAULTS
        for _ in range(share.full if full else share.short)
    ]
    for kind, (many, few) in shares.items():
        drawn += [_router_fault(kind, random, until_s) for _ in range(many if full else few)]
    for _ in range(8 if full else 2):
        drawn += _clock_away_and_back(random, until_s)
    if not full:
        drawn += _ban_and_restart(random, until_s)
    return tuple(sorted(drawn, key=lambda fault: fault.at_s))


def _time(random: Random, until_s: float) -> float:
    return round(random.uniform(0.04, 0.97) * until_s, 2)


def _discord_fault(share: Share, random: Random, until_s: float) -> PlannedFault:
    fault = share.draw(random)
    operation: Literal["create", "edit"] = "create" if random.random() < 0.6 else "edit"
    return PlannedFault(_time(random, until_s), Kind.DISCORD, discord_fault=fault, operation=operation)


def _router_fault(kind: Kind, random: Random, until_s: float) -> PlannedFault:
    at_s = _time(random, until_s)
    match kind:
        case Kind.LOCKED:
            return PlannedFault(at_s, kind, seconds=random.uniform(5.5, 8.0))
        case Kind.DISK_FULL | Kind.CHANNEL_DELETED:
            return PlannedFault(at_s, kind, seconds=random.uniform(2.0, 5.0))
        case Kind.KILLED:
            return PlannedFault(at_s, kind, seconds=random.choice((0.0, 0.0, random.uniform(0.5, 3.0))))
        case Kind.INVALID_WEBHOOK:
            body, refused = _invalid_webhook(random)
            return PlannedFault(at_s, kind, body=body, refused=refused)
        case _:
            return PlannedFault(at_s, kind, choice=random.random())


def _clock_away_and_back(random: Random, until_s: float) -> list[PlannedFault]:
    """The clock is set wrong, and later set right.

    Left hours ahead, every message would count as old, and edits of old messages have a lower rate limit:
    the campaign would take longer and test nothing more.
    """
    at_s = _time(random, until_s)
    step_s = random.choice((-1, 1)) * random.choice((90, 600, 3600, 6 * 3600))
    back_s = at_s + random.uniform(2.0, 30.0)
    return [PlannedFault(at_s, Kind.CLOCK, seconds=step_s), PlannedFault(back_s, Kind.CLOCK, seconds=-step_s)]


def _ban_and_restart(random: Random, until_s: float) -> list[PlannedFault]:
    """After a block by Cloudflare the router waits a minute; in the short form a restart ends the wait."""
    at_s = 0.3 * until_s
    fault = _limited("cloudflare_html", 0.5, 1.0, random)
    return [
        PlannedFault(at_s, Kind.DISCORD, discord_fault=fault),
        PlannedFault(at_s + 3.0, Kind.KILLED),
    ]


def _invalid_webhook(random: Random) -> tuple[bytes, int]:
    """A webhook that is invalid, wholly or in part, and the entries it leaves in the quarantine."""
    mark = f"invalid-{random.getrandbits(48):012x}"
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
