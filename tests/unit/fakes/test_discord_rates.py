"""The fake's rate limits, on a movable clock."""

from typing import Any

import httpx
import pytest

from testbed.fakes.clock import NOON, MovableClock
from testbed.fakes.discord import DiscordState, RateLimits, faults
from testbed.fakes.discord.caller import Caller

HI = {"content": "hi"}


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def discord(clock: MovableClock, **limits: Any) -> DiscordState:
    state = DiscordState(clock=clock, limits=RateLimits(**limits))
    state.webhook("1", "token", "100")
    state.webhook("2", "token", "100")
    state.webhook("3", "token", "300")
    return state


def rate_headers(response: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("x-ratelimit-"): value
        for name, value in response.headers.items()
        if name.startswith("x-ratelimit-") and name != "x-ratelimit-bucket"
    }


def test_answers_count_down_the_window(clock: MovableClock) -> None:
    caller = Caller(discord(clock))

    first = caller.create(HI)
    clock.move(0.5)
    second = caller.create({"content": ""})

    assert rate_headers(first) == {
        "limit": "5",
        "remaining": "4",
        "reset": f"{NOON + 2:.3f}",
        "reset-after": "2.000",
    }
    assert second.status_code == 400, "a refused form has used one up all the same"
    assert rate_headers(second)["remaining"] == "3"
    assert rate_headers(second)["reset-after"] == "1.500"


def test_sixth_request_within_two_seconds_is_limited(clock: MovableClock) -> None:
    state = discord(clock)
    caller = Caller(state)
    for _ in range(5):
        assert caller.create(HI).status_code == 200
    clock.move(0.7)

    response = caller.create(HI)

    assert response.status_code == 429
    assert response.json() == {"message": "You are being rate limited.", "retry_after": 1.3, "global": False}
    assert response.headers["retry-after"] == "2"
    assert response.headers["x-ratelimit-scope"] == "user"
    assert response.headers["x-ratelimit-remaining"] == "0"
    assert "x-ratelimit-global" not in response.headers
    assert (state.limited, state.rates.sent_429["webhook"], len(state.creates)) == (1, 1, 5)


@pytest.mark.parametrize(("moved", "status"), [(1.299, 429), (1.3, 200)])
def test_request_is_accepted_after_retry_after_and_not_before(
    moved: float, status: int, clock: MovableClock
) -> None:
    caller = Caller(discord(clock))
    for _ in range(5):
        caller.create(HI)
    clock.move(0.7)
    assert caller.create(HI).json()["retry_after"] == 1.3

    clock.move(moved)

    assert caller.create(HI).status_code == status


def test_create_and_edit_share_a_limit_and_get_has_its_own(clock: MovableClock) -> None:
    caller = Caller(discord(clock))
    message_id = caller.create(HI).json()["id"]
    for _ in range(4):
        assert caller.edit(message_id, HI).status_code == 200

    assert [caller.create(HI).status_code, caller.edit(message_id, HI).status_code] == [429, 429]
    assert caller.get(message_id).status_code == 200


def test_each_webhook_has_its_own_limit(clock: MovableClock) -> None:
    state = discord(clock)
    first, second = Caller(state, "1"), Caller(state, "2")
    for _ in range(5):
        first.create(HI)

    response = second.create(HI)

    assert rate_headers(response)["remaining"] == "4"
    assert response.headers["x-ratelimit-bucket"] == first.create(HI).headers["x-ratelimit-bucket"]


def send(state: DiscordState, clock: MovableClock, count: int, *webhook_ids: str) -> list[int]:
    """One request every 0.5 s, which the visible limit allows; the status codes."""
    statuses = []
    for n in range(count):
        statuses.append(Caller(state, webhook_ids[n % len(webhook_ids)]).create(HI).status_code)
        clock.move(0.5)
    return statuses


@pytest.mark.parametrize("webhook_ids", [("1",), ("1", "2")])
def test_channel_accepts_30_a_minute_over_all_its_webhooks(
    webhook_ids: tuple[str, ...], clock: MovableClock
) -> None:
    state = discord(clock)

    statuses = send(state, clock, 31, *webhook_ids)
    response = Caller(state, "1").create(HI)

    assert statuses == [200] * 30 + [429]
    assert response.json()["retry_after"] == 44.5, "60 s after the first of them, at 15.5 s now"
    assert int(response.headers["x-ratelimit-remaining"]) > 0, "the headers do not show this limit"
    assert Caller(state, "3").create(HI).status_code == 200


def test_channel_limit_is_a_sliding_window(clock: MovableClock) -> None:
    state = discord(clock)
    send(state, clock, 30, "1")
    clock.move(60 - 15)

    statuses = send(state, clock, 4, "1")

    assert statuses == [200] * 4
    assert Caller(state, "1").create(HI).status_code == 200


@pytest.mark.parametrize(("counted", "status"), [(True, 429), (False, 200)])
def test_edits_count_for_the_channel_by_default(counted: bool, status: int, clock: MovableClock) -> None:
    state = discord(clock, channel_counts_edits=counted)
    caller = Caller(state)
    message_id = caller.create(HI).json()["id"]
    for _ in range(29):
        clock.move(0.5)
        assert caller.edit(message_id, HI).status_code == 200
    clock.move(0.5)

    assert caller.edit(message_id, HI).status_code == status


def test_edits_of_old_messages_have_a_lower_limit(clock: MovableClock) -> None:
    state = discord(clock)
    caller = Caller(state)
    message_id = caller.create(HI).json()["id"]
    clock.move(3601)
    young = caller.create(HI).json()["id"]

    statuses = [caller.edit(message_id, HI).status_code for _ in range(3)]
    response = caller.edit(message_id, HI)
    clock.move(2)

    assert statuses == [200] * 3
    assert (response.status_code, response.json()["code"], response.json()["retry_after"]) == (
        429,
        30046,
        6.0,
    )
    assert caller.edit(young, HI).status_code == 200
    clock.move(4)
    assert caller.edit(message_id, HI).status_code == 200


@pytest.mark.parametrize(("age", "status"), [(3600, 200), (3601, 429)])
def test_message_is_old_after_an_hour(age: float, status: int, clock: MovableClock) -> None:
    caller = Caller(discord(clock))
    message_id = caller.create(HI).json()["id"]
    clock.move(age)
    for _ in range(3):
        caller.edit(message_id, HI)

    assert caller.edit(message_id, HI).status_code == status


def test_limits_can_be_turned_off(clock: MovableClock) -> None:
    caller = Caller(discord(clock, enabled=False))

    responses = [caller.create(HI) for _ in range(40)]

    assert {response.status_code for response in responses} == {200}
    assert rate_headers(responses[0]) == {}


def test_request_before_retry_after_is_counted(clock: MovableClock) -> None:
    state = discord(clock)
    caller = Caller(state)
    for _ in range(6):
        caller.create(HI)
    clock.move(1)

    caller.create(HI)
    clock.move(1)
    caller.create(HI)

    assert (state.limited, state.rates.impatient) == (2, 1)


def test_invalid_requests_lead_to_a_cloudflare_block(clock: MovableClock) -> None:
    state = discord(clock, invalid_requests=3, ban_s=1000)
    stranger = Caller(state, "1", "wrong")
    caller = Caller(state)
    statuses = [stranger.create(HI).status_code for _ in range(3)]

    blocked = caller.create(HI)
    clock.move(1000)

    assert statuses == [401] * 3
    assert (blocked.status_code, "1015" in blocked.text) == (429, True)
    assert not {"retry-after", "via", "x-ratelimit-limit"} & set(blocked.headers)
    assert caller.create(HI).status_code == 200


def test_invalid_requests_are_forgotten_after_ten_minutes(clock: MovableClock) -> None:
    state = discord(clock, invalid_requests=3)
    stranger = Caller(state, "1", "wrong")
    stranger.create(HI)
    stranger.create(HI)
    clock.move(600)
    stranger.create(HI)

    assert (state.rates.invalid_recently, state.rates.invalid_total) == (1, 3)
    assert Caller(state).create(HI).status_code == 200


@pytest.mark.parametrize(("scope", "invalid"), [("user", 1), ("shared", 0)])
def test_shared_429_is_not_an_invalid_request(scope: Any, invalid: int, clock: MovableClock) -> None:
    state = discord(clock)
    state.faults.next(faults.limited(scope))

    Caller(state).create(HI)

    assert state.rates.invalid_total == invalid
