"""Faults apply to the planned request, before or after the message is stored."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.fakes.clock import MovableClock
from testbed.fakes.discord import DiscordState, Fault, RateLimits, RunningDiscord, faults, running
from testbed.fakes.discord.caller import Caller

HI = {"content": "hi"}
DEADLINE_S = 10.0
LOOPBACK = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def state(clock: MovableClock) -> DiscordState:
    state = DiscordState(clock=clock, limits=RateLimits(enabled=False))
    state.webhook("1", "token", "100")
    state.webhook("2", "token", "100")
    state.webhook("3", "token", "300")
    return state


@pytest.fixture
def caller(state: DiscordState) -> Caller:
    return Caller(state)


@pytest.fixture
def server(state: DiscordState) -> Iterator[RunningDiscord]:
    with running(state) as server:
        yield server


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500, 502, 503, 504])
def test_error_status_before_or_after_storing(
    status: int, stored: bool, caller: Caller, state: DiscordState
) -> None:
    state.faults.next(faults.status(status, stored=stored))

    response = caller.create(HI)

    assert response.status_code == status
    assert len(state.messages()) == len(state.creates) == stored
    assert state.requests[0].fault == f"status {status}" + " after storing" * stored
    assert caller.create(HI).status_code == 200, "the fault is spent"


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (faults.status(500), {"message": "500: Internal Server Error", "code": 0}),
        (faults.status(401), {"message": "Invalid Webhook Token", "code": 50027}),
        (
            faults.status(404, code=10008, message="Unknown Message"),
            {"message": "Unknown Message", "code": 10008},
        ),
        (faults.status(400, code=240000), {"message": "Invalid Form Body", "code": 240000}),
        (
            Fault("status", status=400, errors={"embeds": {"_errors": []}}),
            {"message": "Invalid Form Body", "code": 50035, "errors": {"embeds": {"_errors": []}}},
        ),
    ],
)
def test_error_has_the_configured_code(
    fault: Fault, body: dict[str, Any], caller: Caller, state: DiscordState
) -> None:
    state.faults.next(fault)

    assert caller.create(HI).json() == body


@pytest.mark.parametrize(
    ("scope", "others", "header"),
    [("user", [200, 200], "user"), ("shared", [429, 200], "shared"), ("global", [429, 429], "global")],
)
def test_injected_429_lasts_its_retry_after_in_its_scope(
    scope: Any, others: list[int], header: str, caller: Caller, state: DiscordState, clock: MovableClock
) -> None:
    state.faults.next(faults.limited(scope, seconds=2.5))

    response = caller.create(HI)

    assert (response.status_code, response.json()["retry_after"]) == (429, 2.5)
    assert response.json()["global"] is (scope == "global")
    assert (response.headers["retry-after"], response.headers["x-ratelimit-scope"]) == ("3", header)
    assert [Caller(state, other).create(HI).status_code for other in ("2", "3")] == others
    clock.move(2.4)
    assert caller.create(HI).json()["retry_after"] == pytest.approx(0.1, abs=0.002)
    clock.move(0.1)
    assert caller.create(HI).status_code == 200
    assert state.rates.impatient == 1 + others.count(429)


@pytest.mark.parametrize(
    ("scope", "media_type"), [("cloudflare_html", "text/html"), ("cloudflare_json", "application/json")]
)
def test_cloudflare_block_has_no_retry_after(
    scope: Any, media_type: str, caller: Caller, state: DiscordState, clock: MovableClock
) -> None:
    state.faults.next(faults.limited(scope))

    response = caller.create(HI)

    assert response.status_code == 429
    assert response.headers["content-type"].startswith(media_type)
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]
    assert not {"retry-after", "via"} & set(response.headers)
    assert ("1015" in response.text) or (response.json()["code"] == 0)
    clock.move(59)
    assert Caller(state, "3").create(HI).status_code == 429
    clock.move(1)
    assert caller.create(HI).status_code == 200


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("body", ["broken_json", "html", "missing_id", "list", "empty"])
def test_invalid_answer_body_is_a_200_without_a_message(
    body: Any, stored: bool, caller: Caller, state: DiscordState
) -> None:
    state.faults.next(faults.invalid_body(body, stored=stored))

    response = caller.create(HI)

    assert response.status_code == 200
    assert len(state.messages()) == stored
    try:
        value = response.json()
    except ValueError:
        value = None
    assert not (isinstance(value, dict) and "id" in value)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("make", "error"), [(faults.timeout, httpx.ReadTimeout), (faults.reset, httpx.ReadError)]
)
def test_in_process_transport_raises_the_clients_exception(
    make: Any, error: type[Exception], stored: bool, caller: Caller, state: DiscordState
) -> None:
    state.faults.next(make(stored=stored))

    with pytest.raises(error):
        caller.create(HI)

    assert len(state.messages()) == stored
    assert state.requests[0].status is None


def test_slow_answer_is_delayed(clock: MovableClock) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    state = DiscordState(clock=clock, sleep=sleep)
    state.webhook()
    state.faults.next(faults.slow(3.5))

    response = Caller(state).create(HI)

    assert (response.status_code, slept) == (200, [3.5])


def statuses(caller: Caller, count: int) -> list[int]:
    return [caller.create(HI).status_code for _ in range(count)]


def test_faults_queue_up(caller: Caller, state: DiscordState) -> None:
    state.faults.next(faults.status(500), times=2)
    state.faults.next(faults.status(503))

    assert statuses(caller, 4) == [500, 500, 503, 200]


def test_fault_for_the_nth_request(caller: Caller, state: DiscordState) -> None:
    caller.create(HI)
    state.faults.nth(3, faults.status(500))

    assert statuses(caller, 4) == [200, 200, 500, 200]


def test_same_seed_gives_the_same_faults(caller: Caller, state: DiscordState) -> None:
    runs = []
    for seed in (7, 7, 8):
        state.faults.clear()
        state.faults.sometimes(0.3, faults.status(500), seed=seed)
        runs.append(statuses(caller, 60))

    assert runs[0] == runs[1] != runs[2]
    assert 8 < runs[0].count(500) < 30


def test_fault_waits_for_its_operation_and_webhook(caller: Caller, state: DiscordState) -> None:
    state.faults.next(faults.status(500), operation="edit", webhook_id="1")
    other = Caller(state, "2")
    foreign = other.create(HI).json()["id"]
    message_id = caller.create(HI).json()["id"]

    assert other.edit(foreign, HI).status_code == 200
    assert caller.get(message_id).status_code == 200
    assert caller.edit(message_id, {"content": "x"}).status_code == 500
    assert state.message(message_id).content == "hi"


def test_stored_edit_can_lose_its_answer(caller: Caller, state: DiscordState) -> None:
    message_id = caller.create(HI).json()["id"]
    state.faults.next(faults.reset(stored=True), operation="edit")

    with pytest.raises(httpx.ReadError):
        caller.edit(message_id, {"content": "resolved"})

    assert state.message(message_id).content == "resolved"
    assert [record.stored for record in state.edits] == [message_id]


def test_fault_after_storing_waits_for_a_stored_request(caller: Caller, state: DiscordState) -> None:
    state.faults.next(faults.status(500, stored=True))

    refused = caller.create({"content": ""})
    stored = caller.create(HI)

    assert (refused.status_code, stored.status_code) == (400, 500)


def test_rate_limited_request_meets_no_fault(clock: MovableClock) -> None:
    state = DiscordState(clock=clock, limits=RateLimits(webhook_requests=1))
    state.webhook()
    caller = Caller(state)
    caller.create(HI)
    state.faults.next(faults.status(500))

    limited = caller.create(HI)
    clock.move(2)

    assert (limited.status_code, caller.create(HI).status_code) == (429, 500)


# --- over a socket


def post(server: RunningDiscord, timeout: float = DEADLINE_S) -> httpx.Response:
    return httpx.post(server.webhook_url() + "?wait=true", json=HI, timeout=timeout)


@pytest.mark.parametrize("stored", [False, True])
@LOOPBACK
def test_reset_raises_a_read_error(stored: bool, server: RunningDiscord) -> None:
    server.state.faults.next(faults.reset(stored=stored))

    with pytest.raises(httpx.ReadError):
        post(server)

    assert len(server.state.messages()) == stored
    assert post(server).status_code == 200


@pytest.mark.parametrize("stored", [False, True])
@LOOPBACK
def test_client_times_out_without_an_answer(stored: bool, server: RunningDiscord) -> None:
    server.state.faults.next(faults.timeout(stored=stored))

    with pytest.raises(httpx.ReadTimeout):
        post(server, timeout=0.2)

    assert len(server.state.messages()) == stored
    assert post(server).status_code == 200


@LOOPBACK
def test_unanswered_connection_is_closed_in_the_end(server: RunningDiscord) -> None:
    server.state.faults.next(faults.timeout(seconds=0.01))

    with pytest.raises(httpx.RemoteProtocolError):
        post(server)


@LOOPBACK
def test_held_answer_is_sent_on_release(server: RunningDiscord) -> None:
    server.state.faults.next(faults.hold(stored=True))
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(post(server)))
    thread.start()
    wait_until_held(server)
    kept_meanwhile = len(server.state.messages())

    httpx.post(f"{server.url}/control/release")
    thread.join(DEADLINE_S)

    assert kept_meanwhile == 1
    assert [answer.status_code for answer in answers] == [200]


def wait_until_held(server: RunningDiscord) -> None:
    ticks = threading.Event()
    for _ in range(1000):
        if httpx.get(f"{server.url}/control/state?requests=0").json()["held"]:
            return
        ticks.wait(0.01)
    pytest.fail("the request never arrived")


# --- steered over HTTP


def control(caller: Caller, method: str, path: str, **changes: Any) -> httpx.Response:
    return caller.call(method, f"/control/{path}", **changes)


def test_faults_can_be_planned_over_http(caller: Caller) -> None:
    ordered = control(
        caller,
        "POST",
        "faults",
        json=[
            {"fault": {"kind": "status", "status": 503, "stored": True}, "operation": "create"},
            {"fault": {"kind": "limited", "scope": "global", "seconds": 2}, "nth": 3},
            {"fault": {"kind": "reset"}, "probability": 0.0, "seed": 7},
        ],
    )

    assert ordered.json() == {"pending": ["status 503 after storing", "limited global", "reset"]}
    assert statuses(caller, 4) == [503, 200, 429, 429]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"fault": {}},
        {"fault": {"kind": "earthquake"}},
        {"fault": {"kind": "limited", "scope": "galaxy"}},
        {"fault": {"kind": "status", "statu": 500}},
        [5],
    ],
)
def test_invalid_fault_is_refused(wrong: Any, caller: Caller, state: DiscordState) -> None:
    assert control(caller, "POST", "faults", json=wrong).status_code == 400
    assert state.faults.pending == []


def test_state_can_be_read_over_http(caller: Caller) -> None:
    message_id = caller.create({"content": "firing <@5>"}).json()["id"]
    caller.edit(message_id, {"content": "resolved"})
    caller.create({"content": ""})

    seen = control(caller, "GET", "state").json()

    message = seen["messages"][0]
    assert [revision["content"] for revision in message["revisions"]] == ["firing <@5>", "resolved"]
    assert message["pinged"] == {"users": ["5"], "roles": [], "everyone": False}
    assert [record["status"] for record in seen["requests"]] == [200, 200, 400]
    assert seen["counters"]["statuses"] == {"200": 2, "400": 1}
    assert seen["requests"][2]["payload"] == {"content": ""}


def test_state_contains_no_token(caller: Caller, state: DiscordState) -> None:
    state.webhook("9", "s3cr3t-t0ken", "100")
    Caller(state, "9", "s3cr3t-t0ken").create(HI)

    assert "s3cr3t-t0ken" not in control(caller, "GET", "state").text
    assert "s3cr3t-t0ken" not in caller.call("GET", "/").text
    assert state.requests[0].path == "/api/v10/webhooks/9/***"


def test_webhooks_and_messages_can_be_removed_over_http(caller: Caller, state: DiscordState) -> None:
    control(caller, "POST", "webhooks", json={"id": "8", "token": "t", "channel_id": "800"})
    eighth = Caller(state, "8", "t")
    message_id = eighth.create(HI).json()["id"]

    removed = control(caller, "DELETE", f"messages/{message_id}").status_code
    edit = eighth.edit(message_id, HI).json()["code"]
    control(caller, "POST", "webhooks/8/delete")
    deleted = eighth.create(HI).json()["code"]
    control(caller, "POST", "webhooks/8/revive")

    assert (removed, edit, deleted) == (204, 10008, 10015)
    assert eighth.create(HI).status_code == 200


def test_removing_an_unknown_object_is_404(caller: Caller) -> None:
    assert control(caller, "DELETE", "messages/5").status_code == 404
    assert control(caller, "POST", "webhooks/5/delete").status_code == 404
    assert control(caller, "GET", "attachments/5").status_code == 404


def test_limits_can_be_changed_over_http(caller: Caller) -> None:
    control(caller, "POST", "limits", json={"enabled": True, "webhook_requests": 1})

    assert statuses(caller, 2) == [200, 429]


def test_clear_keeps_the_webhooks_only(caller: Caller, state: DiscordState) -> None:
    caller.create(HI)
    state.faults.next(faults.status(500))

    control(caller, "POST", "clear")

    assert (state.messages(), state.requests, state.faults.pending) == ([], [], [])
    assert caller.create(HI).status_code == 200


def test_auto_register_accepts_any_webhook(clock: MovableClock) -> None:
    state = DiscordState(clock=clock, auto_register=True)

    assert Caller(state, "42", "whatever").create(HI).status_code == 200
    assert Caller(state, "42", "other").create(HI).status_code == 401


@LOOPBACK
def test_command_starts_a_server_that_accepts_any_webhook() -> None:
    command = [sys.executable, "-m", "testbed.fakes.discord", "--port", "0"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]

        response = httpx.post(f"{url}/api/webhooks/5/any?wait=true", json=HI)

        process.terminate()
    assert response.status_code == 200
    assert response.headers["x-ratelimit-remaining"] == "4"
