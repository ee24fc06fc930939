"""Median and ninth decile of values that are counted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """By nearest rank, so each is a value that occurred; None of no values."""

    median: int | None = None
    p90: int | None = None


def of(counts: Mapping[int, int]) -> Percentiles:
    """counts: by value, how often it occurred."""
    return Percentiles(_at(counts, 50), _at(counts, 90))


def _at(counts: Mapping[int, int], percent: int) -> int | None:
    rank = -(-sum(counts.values()) * percent // 100)
    for value in sorted(counts):
        rank -= counts[value]
        if rank <= 0:
            return value
    return None
