"""Draws a whole campaign from a seed: the same seed, the same plan. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from random import Random
from typing import Literal

from testbed.faults import fault_plan, scenarios
from testbed.faults.fault_plan import PlannedFault
from testbed.faults.scenarios import Episode, Group

DatabaseName = Literal["sqlite", "postgres"]
QUIET_S = 68.0
"""The pause after a storm: the router's digest takes in new cards until none came for a minute."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a campaign. Discord's limits and the router's are both `faster` times the real ones."""

    full: bool
    stretches: int
    """Phases of ordinary load; each ends in a storm and the pause after it."""
    stretch_s: float
    singles: int
    """Groups in each stretch."""
    storm: int
    """Groups in each storm, half of them in each channel: more than the limit of a minute, and than what is
    delivered while they arrive."""
    refused: int
    """Groups whose cards Discord refuses until the rule is cleared."""
    life_s: float
    """How long an incident lasts at most."""
    settles_s: float
    """How long to wait at most until every card is delivered: two bans by Cloudflare take three minutes."""
    faster: int
    """The factor of the rate limits: of Discord's 30 per minute, and of the router's."""


FULL = Size(
    full=True,
    stretches=2,
    stretch_s=170.0,
    singles=520,
    storm=1_200,
    refused=3,
    life_s=40.0,
    settles_s=400.0,
    faster=8,
)
SHORT = Size(
    full=False,
    stretches=1,
    stretch_s=24.0,
    singles=60,
    storm=700,
    refused=1,
    life_s=8.0,
    settles_s=120.0,
    faster=4,
)


@dataclass(frozen=True)
class Plan:
    seed: int
    size: Size
    database: DatabaseName
    groups: tuple[Group, ...]
    refused: frozenset[str]
    """The tokens of the groups whose cards Discord refuses."""
    faults: tuple[PlannedFault, ...]
    lasts_s: float
    """Until the last webhook is due."""

    @cached_property
    def truth(self) -> Mapping[tuple[str, datetime], Episode]:
        """Every alert's final state."""
        return {key: episode for group in self.groups for key, episode in group.final.items()}

    @cached_property
    def by_token(self) -> Mapping[str, Group]:
        return {group.token: group for group in self.groups}


def draw(seed: int, size: Size, database: DatabaseName) -> Plan:
    random = Random(f"{seed} {size} {database}")  # noqa: S311 - repeatable on purpose
    groups: list[Group] = []
    refused: list[Group] = []
    for stretch in range(size.stretches):
        began_s = stretch * (size.stretch_s + QUIET_S)
        refused += [_refused(f"R{stretch}{i:03}", began_s, size, random) for i in range(size.refused)]
        groups += [_single(f"S{stretch}{i:03}", began_s, size, random) for i in range(size.singles)]
        groups += _storm(stretch, began_s + size.stretch_s, size, random)
    groups += refused
    lasts_s = max(flush.at_s for group in groups for replica in group.replicas for flush in replica.flushes)
    return Plan(
        seed=seed,
        size=size,
        database=database,
        groups=tuple(groups),
        refused=frozenset(group.token for group in refused),
        faults=fault_plan.draw(random, until_s=lasts_s, full=size.full, postgres=database == "postgres"),
        lasts_s=lasts_s,
    )


def _single(token: str, began_s: float, size: Size, random: Random) -> Group:
    life_s = random.uniform(0.3, 1.0) * size.life_s
    starts_s = began_s + random.uniform(0.0, size.stretch_s - life_s - scenarios.HOLD_S)
    return scenarios.group(token, starts_s, life_s, random)


def _refused(token: str, began_s: float, size: Size, random: Random) -> Group:
    return scenarios.refused(token, began_s + random.uniform(0.0, 2.0), size.life_s / 2, random)


def _storm(number: int, at_s: float, size: Size, random: Random) -> list[Group]:
    within_s = 6.0 if size.full else 3.0
    return [
        scenarios.in_storm(
            f"Storm{number}",
            f"B{number}{i:03}",
            at_s + random.uniform(0.0, within_s),
            random.uniform(0.5, 1.0) * size.life_s,
            random,
        )
        for i in range(size.storm)
    ]
