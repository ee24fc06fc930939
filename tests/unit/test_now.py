"""What fires, by who has it."""

from alert_router.store.alert_extras import Acknowledgement
from alert_router.web import now
from testbed.factories import NOON, make_alert
from testbed.page_factories import make_listed


def test_groups_are_cut_and_say_so() -> None:
    listed = [make_listed(make_alert(id=n, incident_id=n)) for n in range(now.MAX_ROWS + 1)]

    groups = now._Groups.of(now.incidents_of(listed))

    assert [one.id for one in groups.waiting] == list(range(now.MAX_ROWS))
    assert groups.is_cut


def test_each_incident_is_in_one_group() -> None:
    ada = Acknowledgement(NOON, "Ada", "")
    listed = [
        make_listed(make_alert(id=1, incident_id=1)),
        make_listed(make_alert(id=2, incident_id=2), acknowledgement=ada),
        make_listed(make_alert(id=3, incident_id=3, suppressed="silenced"), acknowledgement=ada),
    ]

    groups = now._Groups.of(now.incidents_of(listed))

    assert [[one.id for one in group] for group in (groups.waiting, groups.taken, groups.silenced)] == [
        [1],
        [2],
        [3],
    ]
    assert not groups.is_cut


def test_value_is_the_first_that_the_annotations_have() -> None:
    (incident,) = now.incidents_of([make_listed(make_alert(annotations={"current_value": "3 %"}))])

    assert incident.value == "3 %"
