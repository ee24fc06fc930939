"""The plan is a function of its seed; its replicas send every group's final state."""

import pytest

from testbed.faults import plan, scenarios
from testbed.faults.plan import Size

SIZES = [plan.FULL, plan.SHORT]


@pytest.mark.parametrize("size", SIZES, ids=["full", "short"])
def test_plan_depends_on_its_seed_only(size: Size) -> None:
    first, again, other = (plan.draw(seed, size, "sqlite") for seed in (7, 7, 8))

    assert first == again
    assert first.groups != other.groups
    assert first.faults != other.faults


def test_full_form_plans_enough_groups_and_faults() -> None:
    drawn = plan.draw(7, plan.FULL, "sqlite")

    assert len(drawn.groups) > 2_400
    assert len(drawn.faults) > 260


@pytest.mark.parametrize("size", SIZES, ids=["full", "short"])
def test_last_flush_of_every_replica_sends_the_final_state(size: Size) -> None:
    drawn = plan.draw(7, size, "sqlite")

    for group in drawn.groups:
        for replica in group.replicas:
            last = replica.flushes[-1]
            sent = {one.key: one.firing_at(last.view_s) for one in replica.episodes}
            assert {key: sent[key] for key in group.final if key in sent} == {
                key: one.ends_s is None for key, one in group.final.items() if key in sent
            }


def test_webhook_contains_what_fires_and_what_ended_since_the_last() -> None:
    drawn = plan.draw(7, plan.FULL, "sqlite")
    joined = next(one for one in drawn.groups if len(one.replicas[0].flushes) > 4 and not one.in_order)
    replica = joined.replicas[0]
    last = replica.flushes[-1]

    sent = scenarios.visible(replica, last.view_s, float("-inf"))

    assert {one.instance for one in sent} == {one.instance for one in replica.episodes}
