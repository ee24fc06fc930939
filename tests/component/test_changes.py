"""What changed before an incident: reports first, then other incidents, the latest first."""

from alert_router.domain.marks import Mark
from alert_router.domain.matchers import Matcher
from alert_router.store import changes, marks, silences
from alert_router.store.silences import Silence
from testbed.factories import DISK_FULL, at, make_signal
from testbed.router_harness import RouterHarness


def texts(harness: RouterHarness) -> list[str]:
    return [change.text for change in harness.ask(lambda conn: changes.before(conn, 1, at(-60), at(0)))]


def test_reports_stand_before_incidents_that_began(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(make_signal({"alertname": "DriftHigh"}, starts_at=at(-5)))
    with harness.store.write() as conn:
        marks.add(conn, Mark(at(-12), "rf-41 -> rf-42"), key=None)
        marks.add(conn, Mark(at(-8), "flag on"), key=None)
        marks.add(conn, Mark(at(-61), "long before"), key=None)
        marks.add(conn, Mark(at(1), "after"), key=None)

    assert texts(harness) == ["flag on", "rf-41 -> rf-42", "DriftHigh began"]


def test_incident_of_many_alerts_is_one_change(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.accept(
        *(make_signal({**DISK_FULL, "instance": f"db-{n}"}, starts_at=at(-n - 1)) for n in range(5))
    )

    assert texts(harness) == ["DiskFull began"]


def test_reported_training_is_one_change(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.report(
        {
            "type": "training_success",
            "dag_id": "weekly",
            "run_id": "1",
            "occurred_at": at(-7).isoformat(),
            "decision": "deploy_new",
        }
    )

    assert texts(harness) == ["training: weekly deploy_new"]


def test_silence_changes_something_when_it_begins_and_when_it_ends(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    disk = (Matcher("alertname", "=", "DiskFull"),)
    ended = Silence("1", "http://am.test", "Ada", "new disk", at(-90), at(-30), disk)
    begun = Silence("2", "http://am.test", "Bob", "again", at(-20), at(600), disk)
    other = Silence("3", "http://am.test", "Eve", "long ago", at(-900), at(-800), disk)
    with harness.store.write() as conn:
        silences.save(conn, [ended, begun, other])

    subject = 'alertname="DiskFull"'
    assert texts(harness) == [f"Bob silenced {subject}", f"the silence of {subject} ended"]
