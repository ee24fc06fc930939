"""Marks on charts: what changed, and when."""

from alert_router.domain.marks import Mark
from alert_router.store import marks
from alert_router.store.engine import Store
from testbed.factories import at

DEPLOYED = Mark(at(0), "rf-41 -> rf-42", {"model_type": "rf"})


def test_marks_of_a_time_are_read_oldest_first(store: Store) -> None:
    with store.write() as conn:
        for minute in (90, 0, 30):
            marks.add(conn, Mark(at(minute), f"at {minute}"), key=None)

        found = marks.between(conn, at(0), at(30))

    assert [mark.title for mark in found] == ["at 0", "at 30"]


def test_mark_of_a_repeated_report_is_stored_once(store: Store) -> None:
    with store.write() as conn:
        stored = [marks.add(conn, DEPLOYED, key="deploy-42") for _ in range(2)]

        assert stored == [True, False]
        assert marks.between(conn, at(0), at(0)) == [DEPLOYED]
