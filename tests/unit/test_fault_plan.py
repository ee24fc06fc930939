"""The plan is a function of its seed, and what its senders say in the end is the truth."""

import pytest

from testbed.faults import plan, scenarios
from testbed.faults.plan import Size

SIZES = [plan.FULL, plan.SHORT]


@pytest.mark.parametrize("size", SIZES, ids=["full", "short"])
def test_the_same_seed_is_the_same_plan_and_another_is_another(size: Size) -> None:
    first, again, other = (plan.made(seed, size, "sqlite") for seed in (7, 7, 8))

    assert first == again
    assert first.groups != other.groups
    assert first.mishaps != other.mishaps


def test_the_full_form_plans_enough() -> None:
    made = plan.made(7, plan.FULL, "sqlite")

    assert len(made.groups) > 2_400
    assert len(made.mishaps) > 260


@pytest.mark.parametrize("size", SIZES, ids=["full", "short"])
def test_every_replica_has_told_the_truth_when_it_is_done(size: Size) -> None:
    made = plan.made(7, size, "sqlite")

    for group in made.groups:
        for replica in group.replicas:
            last = replica.flushes[-1]
            told = {one.key: one.firing_at(last.view_s) for one in replica.episodes}
            assert {key: told[key] for key in group.final if key in told} == {
                key: one.ends_s is None for key, one in group.final.items() if key in told
            }


def test_a_webhook_tells_all_that_fires_and_what_ended_since_it_last_got_through() -> None:
    made = plan.made(7, plan.FULL, "sqlite")
    joined = next(one for one in made.groups if len(one.replicas[0].flushes) > 4 and not one.in_order)
    replica = joined.replicas[0]
    last = replica.flushes[-1]

    told = scenarios.shown(replica, last.view_s, float("-inf"))

    assert {one.instance for one in told} == {one.instance for one in replica.episodes}
