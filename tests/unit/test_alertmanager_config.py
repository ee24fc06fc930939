"""When a webhook is due, by Alertmanager's configuration."""

from datetime import timedelta

import pytest

from alert_router.sources.alertmanager_config import longest_wait

DEFAULT = timedelta(minutes=5, seconds=30)


@pytest.mark.parametrize(
    ("config", "wait"),
    [
        ("route: {receiver: a}", DEFAULT),
        ("route: {receiver: a, group_wait: 0s, group_interval: 1m30s}", timedelta(seconds=90)),
        ("route: {group_wait: 10s, routes: [{group_interval: 1h}]}", timedelta(hours=1, seconds=10)),
        ("route: {group_interval: 1h, routes: [{group_interval: 1m}]}", timedelta(hours=1, seconds=30)),
        ("route: {group_interval: 1m, routes: [{routes: [{group_wait: 2m}]}]}", timedelta(minutes=3)),
        ("route: {routes: null}\nreceivers: [{name: a}]", DEFAULT),
        ("", DEFAULT),
        ("route: [", DEFAULT),
        ("route: 5", DEFAULT),
        ("route: {group_wait: soon}", DEFAULT),
        ("route: {group_wait: 5}", DEFAULT),
        ("route: {routes: [5]}", DEFAULT),
    ],
)
def test_longest_wait_of_the_routes(config: str, wait: timedelta) -> None:
    assert longest_wait(config) == wait
