"""The fake accepts and refuses the same messages as Discord, at every limit."""

import json
from typing import Any

import httpx
import pytest

from testbed.fakes.clock import MovableClock
from testbed.fakes.discord import DiscordState, Pings, RateLimits, only, openapi
from testbed.fakes.discord.caller import Caller
from testbed.fakes.discord_form_cases import ACCEPTED, REFUSED, URL, Errors, button, embed, fields, row


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def state(clock: MovableClock) -> DiscordState:
    state = DiscordState(clock=clock, limits=RateLimits(enabled=False))
    state.webhook("1", "token", "100")
    return state


@pytest.fixture
def caller(state: DiscordState) -> Caller:
    return Caller(state)


def codes(response: httpx.Response) -> Errors:
    """The inner codes of a 50035 by dotted path; fails on any other answer."""
    assert response.status_code == 400, response.text
    body = response.json()
    assert (body["message"], body["code"]) == ("Invalid Form Body", 50035)
    found: Errors = {}

    def walk(node: dict[str, Any], path: str) -> None:
        for key, value in node.items():
            if key == "_errors":
                found[path] = [one["code"] for one in value]
            else:
                walk(value, f"{path}.{key}".lstrip("."))

    walk(body["errors"], "")
    return found


@pytest.mark.parametrize("case", ACCEPTED)
def test_valid_message_is_stored_and_returned(case: str, caller: Caller, state: DiscordState) -> None:
    response = caller.create(ACCEPTED[case], with_components=True)

    assert response.status_code == 200, response.text
    assert response.json() == only(state.messages("1")).as_json()
    assert state.unknown_keys == []


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_message_is_refused_with_path_and_code(
    case: str, caller: Caller, state: DiscordState
) -> None:
    payload, expected = REFUSED[case]

    response = caller.create(payload, with_components=True)

    assert codes(response) == expected
    assert state.messages() == []


@pytest.mark.parametrize("case", REFUSED)
def test_edit_has_the_rules_of_a_create(case: str, caller: Caller, state: DiscordState) -> None:
    payload, expected = REFUSED[case]
    message_id = caller.create({"content": "before"}).json()["id"]

    response = caller.edit(message_id, payload, with_components=True)

    if expected.keys() & {"username", "avatar_url", "tts"}:
        assert response.status_code == 200, "an edit ignores what only a create has"
    else:
        assert codes(response) == expected
        assert state.message(message_id).edits == []


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_messages_match_discords_openapi(case: str, caller: Caller) -> None:
    errors = openapi.validate_execute(ACCEPTED[case])
    if errors is None:
        pytest.skip("Discord's description is not here")

    response = caller.create(ACCEPTED[case], with_components=True)

    assert errors == [] or "trimmed" in case, "the description counts blanks at the ends"
    assert openapi.validate("MessageResponse", response.json()) == []


@pytest.mark.parametrize(
    "payload",
    [{}, {"content": ""}, {"content": " \n"}, {"embeds": []}, {"embeds": None}, {"username": "x"}],
)
def test_empty_message_is_50006(payload: dict[str, Any], caller: Caller) -> None:
    response = caller.create(payload)

    assert (response.status_code, response.json()["code"]) == (400, 50006)


def test_components_are_dropped_without_the_query(caller: Caller, state: DiscordState) -> None:
    response = caller.create(row(button()))

    assert response.status_code == 200
    assert only(state.messages()).components == ()


def test_components_alone_without_the_query_are_an_empty_message(caller: Caller) -> None:
    response = caller.create({"components": row(button())["components"]})

    assert response.json()["code"] == 50006


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b'{"content": "x"}', None, 50035),
        (b'{"content": "x"}', "text/plain", 50035),
        (b"[]", "application/json", 50035),
        (b'{"content": ', "application/json", 50109),
        (b'{"content": "\\ud800"}', "application/json", 50109),
        (b'{"embeds": [{"title": "x", "color": NaN}]}', "application/json", 50109),
        (b"\xff", "application/json", 50109),
        (b"", "application/json", 50109),
        (b"--x", "multipart/form-data", 50035),
    ],
)
def test_invalid_body_is_a_400(body: bytes, content_type: str | None, code: int, caller: Caller) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    response = caller.call("POST", caller.path, content=body, headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, code)


def test_create_without_wait_is_answered_204(caller: Caller, state: DiscordState) -> None:
    response = caller.call("POST", caller.path, json={"content": "hi"})

    assert (response.status_code, response.content) == (204, b"")
    assert only(state.messages()).content == "hi"


def test_version_is_optional_in_the_path(caller: Caller) -> None:
    response = caller.call("POST", "/api/webhooks/1/token", json={"content": "hi"})

    assert response.status_code == 204


def test_webhook_names_its_channel(caller: Caller) -> None:
    response = caller.call("GET", caller.path)

    assert response.json()["channel_id"] == "100"
    assert response.json()["application_id"] is None
    assert openapi.validate("GuildIncomingWebhookResponse", response.json()) in ([], None)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v10/webhooks/2/token", 404, 10015),
        ("/api/v10/webhooks/1/wrong", 401, 50027),
        ("/api/v10/webhooks/one/token", 400, 50035),
        ("/api/v10/webhooks/1/token/messages/5", 404, 10008),
        ("/api/v9/webhooks/1/token", 404, 0),
    ],
)
def test_unknown_objects_have_their_own_codes(path: str, status: int, code: int, caller: Caller) -> None:
    response = caller.call("GET", path)

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_deleted_webhook_is_unknown_until_revived(caller: Caller, state: DiscordState) -> None:
    state.delete_webhook("1")
    gone = caller.create({"content": "x"})
    state.revive_webhook("1")

    back = caller.create({"content": "x"})

    assert (gone.status_code, gone.json()["code"], back.status_code) == (404, 10015, 200)


def test_edit_keeps_omitted_fields_and_removes_null_fields(
    caller: Caller, state: DiscordState, clock: MovableClock
) -> None:
    message_id = caller.create({"content": "firing", **embed()}).json()["id"]
    clock.move(60)

    first = caller.edit(message_id, {"content": "resolved"})
    second = caller.edit(message_id, {"embeds": None})

    assert [len(reply.json()["embeds"]) for reply in (first, second)] == [1, 0]
    assert second.json()["content"] == "resolved"
    assert [
        revision.at - state.message(message_id).created_at for revision in state.message(message_id).edits
    ] == [60, 60]
    assert caller.get(message_id).json()["edited_timestamp"] is not None


def test_edit_cannot_empty_a_message(caller: Caller, state: DiscordState) -> None:
    message_id = caller.create({"content": "x"}).json()["id"]

    response = caller.edit(message_id, {"content": ""})

    assert response.json()["code"] == 50006
    assert state.message(message_id).content == "x"


def test_edit_cannot_make_a_message_silent(caller: Caller) -> None:
    message_id = caller.create({"content": "x"}).json()["id"]

    assert codes(caller.edit(message_id, {"flags": 4096})) == {"flags": ["BITFIELD_INVALID"]}


def test_deleted_message_cannot_be_edited(caller: Caller) -> None:
    message_id = caller.create({"content": "x"}).json()["id"]
    removed = caller.call("DELETE", f"{caller.path}/messages/{message_id}")

    response = caller.edit(message_id, {"content": "y"})

    assert (removed.status_code, response.status_code, response.json()["code"]) == (204, 404, 10008)


def test_webhook_cannot_edit_the_message_of_another(caller: Caller, state: DiscordState) -> None:
    state.webhook("2", "other", "100")
    message_id = Caller(state, "2", "other").create({"content": "x"}).json()["id"]

    assert caller.edit(message_id, {"content": "y"}).json()["code"] == 10008


@pytest.mark.parametrize(
    ("kind", "thread_id", "thread_name", "code"),
    [
        ("forum", None, None, 220001),
        ("forum", "7", "ApiDown", 220002),
        ("text", None, "ApiDown", 220003),
        ("text", "8", None, 10003),
        ("forum", "7", None, None),
        ("forum", None, "ApiDown", None),
        ("text", "7", None, None),
    ],
)
def test_threads_follow_the_kind_of_the_channel(
    kind: Any, thread_id: str | None, thread_name: str | None, code: int | None, state: DiscordState
) -> None:
    state.webhook("3", "t", "300", kind=kind).threads.add("7")
    query = {"thread_id": thread_id} if thread_id else {}

    response = Caller(state, "3", "t").create({"content": "x", "thread_name": thread_name}, **query)

    assert response.json().get("code") == code


def test_message_in_a_thread_needs_its_thread_id(state: DiscordState) -> None:
    state.webhook("3", "t", "300", kind="forum")
    forum = Caller(state, "3", "t")
    message = forum.create({"content": "x", "thread_name": "ApiDown"}).json()

    lost = forum.edit(message["id"], {"content": "y"})
    found = forum.edit(message["id"], {"content": "y"}, thread_id=message["channel_id"])

    assert (lost.json()["code"], found.status_code) == (10008, 200)


@pytest.mark.parametrize(
    ("content", "allowed", "pinged"),
    [
        ("<@5> <@&6> @here", {"parse": []}, Pings()),
        ("<@5> <@&6>", {"roles": ["6"]}, Pings(roles=("6",))),
        ("<@5> <@!7>", {"users": ["7"]}, Pings(users=("7",))),
        ("<@5> @everyone", {"parse": ["users"]}, Pings(users=("5",))),
        ("@here", {"parse": ["everyone"]}, Pings(everyone=True)),
        ("<@5> <@&6> @here", None, Pings(users=("5",), roles=("6",), everyone=True)),
        ("no one", None, Pings()),
    ],
)
def test_pings_follow_from_text_and_allowed_mentions(
    content: str, allowed: Any, pinged: Pings, caller: Caller, state: DiscordState
) -> None:
    allowing = {} if allowed is None else {"allowed_mentions": allowed}
    message_id = caller.create(
        {"content": content, **embed(description="<@9> @everyone"), **allowing}
    ).json()["id"]

    caller.edit(message_id, {"content": "<@8>", "allowed_mentions": {"parse": ["users"]}})

    message = state.message(message_id)
    assert message.pinged == pinged, "neither the embed nor the edit pings"
    assert message.mentions == Pings(users=("8",))


def test_unknown_keys_are_ignored_and_recorded(caller: Caller, state: DiscordState) -> None:
    caller.create({"content": "x", "nonce": 5, **embed(colour=1)})

    assert state.unknown_keys == ["embeds.0.colour", "nonce"]


def test_unknown_keys_are_refused_on_request(state: DiscordState) -> None:
    state.strict_unknown_keys = True

    response = Caller(state).create({"content": "x", "nonce": 5})

    assert response.status_code == 400
    assert state.messages() == []


def test_embeds_that_discord_hides_are_recorded(caller: Caller, state: DiscordState) -> None:
    caller.create({"embeds": [{"title": "a", "url": URL}, {"title": "b", "url": URL}, {"title": "c"}]})

    assert state.repeated_embed_urls == [URL]


def multipart(payload: Any, *names: str, content: bytes = b"png") -> dict[str, Any]:
    files = {f"files[{n}]": (name, content, "image/png") for n, name in enumerate(names)}
    return {"data": {"payload_json": json.dumps(payload)}, "files": files}


def with_image(*attachments: dict[str, Any], name: str = "graph.png") -> dict[str, Any]:
    return {**embed(image={"url": f"attachment://{name}"}), "attachments": list(attachments)}


def test_file_is_stored_and_shown_in_its_embed(caller: Caller, state: DiscordState) -> None:
    payload = with_image({"id": 0, "description": "R2 over a day"})

    response = caller.call("POST", caller.path, params={"wait": True}, **multipart(payload, "graph.png"))

    assert response.status_code == 200, response.text
    kept = only(state.messages()).attachments[0]
    assert (kept.filename, kept.content, kept.description) == ("graph.png", b"png", "R2 over a day")
    assert openapi.validate("MessageResponse", response.json()) in ([], None)


@pytest.mark.parametrize(
    ("payload", "names", "expected"),
    [
        (with_image({"id": 1}), ["graph.png"], {"attachments.0": ["MESSAGE_ATTACHMENT_NOT_FOUND"]}),
        (with_image({"id": 0}, name="b.png"), ["a.png"], {"embeds.0.image.url": ["ATTACHMENT_NOT_FOUND"]}),
        (with_image({"id": 0}, name="a.svg"), ["a.svg"], {"embeds.0.image.url": ["ATTACHMENT_NOT_AN_IMAGE"]}),
        ({"content": "x", "attachments": []}, ["a.png"], {"attachments": ["ATTACHMENT_NOT_LISTED"]}),
        ({"content": "x", "attachments": [{}]}, [], {"attachments.0.id": ["BASE_TYPE_REQUIRED"]}),
        (
            {"content": "x", "attachments": [{"id": 0, "description": "x" * 1025}]},
            ["a.png"],
            {"attachments.0.description": ["BASE_TYPE_MAX_LENGTH"]},
        ),
    ],
)
def test_attachments_must_match_the_files(
    payload: dict[str, Any], names: list[str], expected: dict[str, list[str]], caller: Caller
) -> None:
    response = caller.call(
        "POST", caller.path, **(multipart(payload, *names) if names else {"json": payload})
    )

    found = codes(response)
    assert expected.items() <= found.items()


def test_edit_keeps_listed_attachments_and_adds_new_ones(caller: Caller) -> None:
    first = caller.call("POST", caller.path, params={"wait": True}, **multipart({}, "a.png", "b.png")).json()
    path = f"{caller.path}/messages/{first['id']}"
    kept = first["attachments"][1]["id"]

    untouched = caller.call("PATCH", path, json={"content": "x"}).json()
    changed = caller.call(
        "PATCH", path, **multipart({"attachments": [{"id": kept}, {"id": 0}]}, "c.png")
    ).json()

    assert [one["filename"] for one in untouched["attachments"]] == ["a.png", "b.png"]
    assert [one["filename"] for one in changed["attachments"]] == ["b.png", "c.png"]


@pytest.mark.parametrize(("size", "count", "status"), [(10, 2, 204), (10 + 1e-6, 1, 413), (9, 3, 413)])
def test_files_are_limited_to_10_mib_each_and_25_mib_in_total(
    size: float, count: int, status: int, caller: Caller
) -> None:
    content = b"x" * round(size * 1024 * 1024 + 0.5 if size != int(size) else size * 1024 * 1024)
    names = [f"{n}.png" for n in range(count)]

    response = caller.call("POST", caller.path, **multipart({}, *names, content=content))

    assert response.status_code == status
    assert status == 204 or response.json()["code"] == 40005


def test_part_without_a_file_name_is_refused(caller: Caller) -> None:
    response = caller.call("POST", caller.path, files={"files[0]": (None, b"png")})

    assert codes(response) == {"files[0]": ["BASE_TYPE_REQUIRED"]}


def test_components_v2_ping_and_stay_v2(caller: Caller, state: DiscordState) -> None:
    payload = {
        "flags": 1 << 15,
        "components": [{"type": 17, "components": [{"type": 10, "content": "<@5>"}]}],
    }
    message_id = caller.create(payload, with_components=True).json()["id"]

    response = caller.edit(
        message_id, {"flags": 0, "components": payload["components"]}, with_components=True
    )

    assert state.message(message_id).pinged == Pings(users=("5",))
    assert codes(response) == {"flags": ["MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG"]}


def test_page_escapes_messages(caller: Caller) -> None:
    caller.create(
        {"content": "<u>", **embed(description="<s>", url=URL + '"', fields=fields(1, value="<i>"))}
    )

    page = caller.call("GET", "/").text

    assert [part for part in ("<u>", "<s>", "<i>", URL + '""') if part in page] == []
    assert [part for part in ("&lt;u&gt;", "&lt;s&gt;", "&lt;i&gt;", "&quot;") if part not in page] == []
