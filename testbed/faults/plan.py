"""The whole campaign before it begins, from a seed: the same seed, the same plan. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from random import Random
from typing import Literal

from testbed.faults import fault_plan, scenarios
from testbed.faults.fault_plan import Mishap
from testbed.faults.scenarios import Episode, Group

DatabaseName = Literal["sqlite", "postgres"]
QUIET_S = 68.0
"""After a storm nothing new comes for so long: the router's digest takes cards in until a minute is quiet."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens. Discord's limits and the router's pace are both `faster` times the real ones."""

    full: bool
    stretches: int
    """Of ordinary days; each ends in a storm and the quiet after it."""
    stretch_s: float
    singles: int
    """Groups in each stretch."""
    storm: int
    """Groups in each storm: more than a minute's pace carries."""
    refused: int
    """Groups whose cards Discord refuses until a person has mended it."""
    life_s: float
    """How long an incident lasts at most."""
    settles_s: float
    """How long to wait at most until everything is told: two bans by Cloudflare take three minutes."""
    faster: int
    """So many times Discord's 30 per minute, and the router's."""


FULL = Size(
    full=True,
    stretches=2,
    stretch_s=170.0,
    singles=520,
    storm=950,
    refused=3,
    life_s=40.0,
    settles_s=400.0,
    faster=20,
)
SHORT = Size(
    full=False,
    stretches=1,
    stretch_s=24.0,
    singles=60,
    storm=400,
    refused=1,
    life_s=8.0,
    settles_s=120.0,
    faster=8,
)


@dataclass(frozen=True)
class Plan:
    seed: int
    size: Size
    database: DatabaseName
    groups: tuple[Group, ...]
    refused: frozenset[str]
    """The tokens of the groups that Discord will not hear of."""
    mishaps: tuple[Mishap, ...]
    lasts_s: float
    """Until the last webhook is due."""

    @cached_property
    def truth(self) -> Mapping[tuple[str, datetime], Episode]:
        """Every alert as it is when all is over."""
        return {key: episode for group in self.groups for key, episode in group.final.items()}

    @cached_property
    def by_token(self) -> Mapping[str, Group]:
        return {group.token: group for group in self.groups}


def made(seed: int, size: Size, database: DatabaseName) -> Plan:
    random = Random(f"{seed} {size} {database}")  # noqa: S311 - repeatable on purpose
    groups: list[Group] = []
    refused: list[Group] = []
    for stretch in range(size.stretches):
        began_s = stretch * (size.stretch_s + QUIET_S)
        refused += [_refused(f"R{stretch}{i:03}", began_s, size, random) for i in range(size.refused)]
        groups += [_single(f"S{stretch}{i:03}", began_s, size, random) for i in range(size.singles)]
        groups += _storm(stretch, began_s + size.stretch_s, size, random)
    groups += refused
    lasts_s = max(flush.at_s for group in groups for one in group.replicas for flush in one.flushes)
    return Plan(
        seed=seed,
        size=size,
        database=database,
        groups=tuple(groups),
        refused=frozenset(group.token for group in refused),
        mishaps=fault_plan.drawn(random, until_s=lasts_s, full=size.full, postgres=database == "postgres"),
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
        scenarios.of_a_storm(
            f"Storm{number}",
            f"B{number}{i:03}",
            at_s + random.uniform(0.0, within_s),
            random.uniform(0.5, 1.0) * size.life_s,
            random,
        )
        for i in range(size.storm)
    ]
