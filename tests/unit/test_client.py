"""One webhook's client: which address it calls, and what it makes of any answer."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from alert_router.config.configuration import Channel
from alert_router.delivery import worker
from alert_router.discord import client
from alert_router.discord.client import ChannelOptions, DiscordChannel, Reply, WebhookInfo
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import ChannelGone, MessageGone, Refusal, Rejected, Sent, TryAgain
from alert_router.domain.model import CLOCK_SKEW_S, ChannelName
from alert_router.domain.rate_limits import RateInfo
from alert_router.store import card_queue
from testbed.factories import SECRET
from testbed.fakes.discord import forms

TEXT = {"content": "x"}
URL = f"https://discord.com/api/webhooks/1/{SECRET}"


def call(
    answer: Any,
    *,
    url: str = URL,
    edit: bool = False,
    look: bool = False,
    options: ChannelOptions | None = None,
    channel: Channel | None = None,
    thread_id: str | None = None,
    payload: Payload = TEXT,
    files: Files = NO_FILES,
) -> tuple[Any, list[httpx.Request]]:
    """The reply to one request, and the requests that were made. answer: a response, or what is raised."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return] # a response, as its caller says

    async def ask() -> Reply | WebhookInfo | Refusal | None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
            if channel is None:
                webhook = DiscordChannel(http, SecretStr(url), options)
            else:
                webhook = DiscordChannel.configured(http, channel)
            if look:
                return await webhook.fetch_webhook()
            if edit:
                return await webhook.edit("42", payload, thread_id=thread_id, files=files)
            return await webhook.create(payload, thread_id=thread_id, files=files)

    return asyncio.run(ask()), requests


def taken(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json={"id": "42", "channel_id": "100", **changes})


@pytest.mark.parametrize(
    ("url", "called"),
    [
        (URL, f"https://discord.com/api/v10/webhooks/1/{SECRET}"),
        (
            f"https://discordapp.com/api/webhooks/1/{SECRET}/",
            f"https://discord.com/api/v10/webhooks/1/{SECRET}",
        ),
        (
            f"https://canary.discord.com/api/v6/webhooks/1/{SECRET}",
            f"https://discord.com/api/v10/webhooks/1/{SECRET}",
        ),
        (
            f"https://ptb.discord.com/api/v9/webhooks/1/{SECRET}",
            f"https://discord.com/api/v10/webhooks/1/{SECRET}",
        ),
        (f"http://127.0.0.1:9199/api/webhooks/1/{SECRET}", f"http://127.0.0.1:9199/api/webhooks/1/{SECRET}"),
    ],
)
def test_only_discord_hosts_are_rewritten(url: str, called: str) -> None:
    _, requests = call(taken(), url=url)

    assert str(requests[0].url.copy_with(query=None)) == called
    assert dict(requests[0].url.params) == {"wait": "true", "with_components": "true"}


def test_thread_id_is_kept_for_edits() -> None:
    _, requests = call(taken(), url=f"{URL}?thread_id=7", edit=True)

    assert requests[0].method == "PATCH"
    assert requests[0].url.path.endswith("/messages/42")
    assert dict(requests[0].url.params) == {"thread_id": "7", "with_components": "true"}


def test_accepted_message_returns_its_id() -> None:
    reply, _ = call(taken())

    assert (reply.outcome, reply.status) == (Sent("42", None), 200)


OPENING = {"content": "x", "thread_name": "ApiDown", "applied_tags": ["11"], "flags": 4096}
BOT = ChannelOptions("7", "Shop alerts", "https://x.org/a.png")
NAMED = {"username": "Shop alerts", "avatar_url": "https://x.org/a.png"}


@pytest.mark.parametrize(
    ("options", "thread_id", "params", "body"),
    [
        (ChannelOptions(), None, {}, OPENING),
        (ChannelOptions(), "", {}, OPENING),
        (ChannelOptions(), "9", {"thread_id": "9"}, {"content": "x", "flags": 4096}),
        (BOT, None, {"thread_id": "7"}, {"content": "x", "flags": 4096, **NAMED}),
        (ChannelOptions(avatar_url="http://cdn/a.png"), None, {}, OPENING),
    ],
)
def test_create_has_the_channels_thread_and_author(
    options: ChannelOptions, thread_id: str | None, params: dict[str, str], body: dict[str, Any]
) -> None:
    _, requests = call(taken(), options=options, thread_id=thread_id, payload=OPENING)

    assert dict(requests[0].url.params) == {**params, "wait": "true", "with_components": "true"}
    assert json.loads(requests[0].content) == body


@pytest.mark.parametrize(
    ("options", "thread_id", "params"),
    [
        (ChannelOptions(), None, {}),
        (ChannelOptions(), "9", {"thread_id": "9"}),
        (BOT, None, {"thread_id": "7"}),
        (BOT, "9", {"thread_id": "9"}),
    ],
)
def test_edit_has_the_messages_thread_and_nothing_of_a_create(
    options: ChannelOptions, thread_id: str | None, params: dict[str, str]
) -> None:
    _, requests = call(taken(), edit=True, options=options, thread_id=thread_id, payload=OPENING)

    assert dict(requests[0].url.params) == {**params, "with_components": "true"}
    assert json.loads(requests[0].content) == {"content": "x", "attachments": []}


@pytest.mark.parametrize("edit", [False, True])
def test_picture_is_sent_beside_the_payload_that_names_it(edit: bool) -> None:
    payload = {"embeds": [{"title": "x", "image": {"url": "attachment://chart-1.png"}}]}

    _, requests = call(taken(), edit=edit, payload=payload, files={"chart-1.png": b"\x89PNG"})

    form = asyncio.run(forms.read(requests[0].content, requests[0].headers["Content-Type"]))
    assert form.payload == {**payload, "attachments": [{"id": 0, "filename": "chart-1.png"}]}
    assert form.files == {0: forms.Upload("chart-1.png", "image/png", b"\x89PNG")}


def test_card_outside_a_forum_is_created_where_the_channel_posts_now() -> None:
    _, requests = call(taken(), options=ChannelOptions("7"), thread_id="9")

    assert requests[0].url.params["thread_id"] == "7"


@pytest.mark.parametrize(
    ("options", "thread_id", "payload", "stored"),
    [
        (ChannelOptions(), None, OPENING, "100"),
        (ChannelOptions(), "9", OPENING, "9"),
        (BOT, None, {"content": "x"}, "7"),
        (ChannelOptions(), None, {"content": "x"}, None),
    ],
)
def test_reply_says_which_thread_the_message_is_in(
    options: ChannelOptions, thread_id: str | None, payload: dict[str, Any], stored: str | None
) -> None:
    reply, _ = call(taken(), options=options, thread_id=thread_id, payload=payload)

    assert reply.outcome == Sent("42", None, stored)


@pytest.mark.parametrize(
    ("status", "code", "edit", "thread_id", "outcome"),
    [
        (404, 10003, False, "9", MessageGone("HTTP 404 code 10003", with_post=True)),
        (400, 160005, False, "9", MessageGone("HTTP 400 code 160005", with_post=True)),
        (400, 160005, True, "9", MessageGone("HTTP 400 code 160005", with_post=True)),
        (400, 50083, True, "9", MessageGone("HTTP 400 code 50083")),
        (400, 50083, True, None, MessageGone("HTTP 400 code 50083")),
        (404, 10003, False, None, ChannelGone("HTTP 404 code 10003")),
        (400, 160005, False, None, ChannelGone("HTTP 400 code 160005")),
    ],
)
def test_closed_post_does_not_stop_its_channel(
    status: int, code: int, edit: bool, thread_id: str | None, outcome: Any
) -> None:
    response = httpx.Response(status, json={"code": code})

    reply, _ = call(response, edit=edit, thread_id=thread_id, payload=OPENING)

    assert reply.outcome == outcome


def test_channel_of_the_configuration() -> None:
    channel = Channel(
        ChannelName("shop"),
        SecretStr(URL),
        thread_id="7",
        username="Shop alerts",
        avatar_url=NAMED["avatar_url"],
    )

    _, requests = call(taken(), channel=channel)

    assert json.loads(requests[0].content) == {"content": "x", **NAMED}
    assert requests[0].url.params["thread_id"] == "7"
    assert SECRET not in repr(channel)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (httpx.Response(400, json={"code": 50035, "message": "Invalid Form Body", "errors": {}}), Rejected),
        (httpx.Response(404, json={"code": 10008, "message": "Unknown Message"}), MessageGone),
        (httpx.Response(404, json={"code": 10015, "message": "Unknown Webhook"}), ChannelGone),
        (httpx.Response(429, html="<h1>error 1015</h1>"), TryAgain),
        (httpx.Response(502, html="<h1>Bad Gateway</h1>"), TryAgain),
        (httpx.Response(204), TryAgain),
        (httpx.Response(200, json=[]), TryAgain),
        (httpx.Response(200, json={"id": 5}), TryAgain),
        (httpx.Response(200, json={"id": ""}), TryAgain),
        (httpx.Response(200, content=b"\xff"), TryAgain),
        (httpx.Response(200, json={"code": "x", "message": None, "retry_after": "soon"}), TryAgain),
        (httpx.Response(301, headers={"location": "https://evil.example/"}), TryAgain),
    ],
)
def test_every_other_reply_is_classified(response: httpx.Response, outcome: type) -> None:
    reply, requests = call(response)

    assert isinstance(reply.outcome, outcome)
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("error", "maybe_sent"),
    [
        (httpx.ConnectError(URL), False),
        (httpx.ConnectTimeout(URL), False),
        (httpx.PoolTimeout(URL), False),
        (httpx.ReadTimeout(URL), True),
        (httpx.WriteTimeout(URL), True),
        (httpx.ReadError(URL), True),
        (httpx.RemoteProtocolError(URL), True),
    ],
)
def test_missing_reply_says_whether_it_may_have_been_sent(error: Exception, maybe_sent: bool) -> None:
    reply, _ = call(error)

    assert isinstance(reply.outcome, TryAgain)
    assert (reply.outcome.maybe_sent, reply.rate) == (maybe_sent, None)
    assert SECRET not in repr(reply)


def test_endless_reply_times_out() -> None:
    """It would outlast the lease of its card, and another router would tell it too."""

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> tuple[Reply, WebhookInfo | Refusal | None]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as http:
            channel = DiscordChannel(http, SecretStr(URL), timeout_s=0.01)
            return await channel.create({"content": "x"}), await channel.fetch_webhook()

    reply, place = asyncio.run(ask())

    assert reply == Reply(TryAgain("no answer (TimeoutError)", maybe_sent=True), None, None)
    assert place is None
    assert min(card_queue.LEASE_S - CLOCK_SKEW_S, worker.STOP_S) > client.MAX_REQUEST_S


@pytest.mark.parametrize(
    ("headers", "body", "facts"),
    [
        ({}, {}, RateInfo(429)),
        (
            {
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset-After": "1.2",
                "X-RateLimit-Scope": "user",
                "Retry-After": "2",
            },
            {"retry_after": 1.234, "global": False},
            RateInfo(429, remaining=0, reset_after_s=1.2, retry_after_s=1.234, scope="user"),
        ),
        ({"Retry-After": "60"}, {}, RateInfo(429, retry_after_s=60)),
        ({}, {"retry_after": 3, "global": True}, RateInfo(429, retry_after_s=3, scope="global")),
        ({}, {"retry_after": 3, "code": 30046}, RateInfo(429, retry_after_s=3, old_edits=True)),
        ({"Retry-After": "nan", "X-RateLimit-Remaining": "-1"}, {"retry_after": 1e400}, RateInfo(429)),
    ],
)
def test_rate_headers_are_parsed_defensively(
    headers: dict[str, str], body: dict[str, Any], facts: RateInfo
) -> None:
    reply, _ = call(httpx.Response(429, headers=headers, content=json.dumps(body)))

    assert reply.rate == facts


def test_webhook_info_has_channel_and_guild() -> None:
    there, _ = call(httpx.Response(200, json={"channel_id": "100", "guild_id": "9"}), look=True)
    gone, _ = call(httpx.Response(404, json={"code": 10015}), look=True)
    away, _ = call(httpx.ConnectError(URL), look=True)

    assert (there, gone, away) == (WebhookInfo("100", "9"), Refusal(404, 10015, ""), None)
