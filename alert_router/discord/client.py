"""Posts one payload to one Discord webhook and returns the outcome. No retries, no waiting.

The token is in the URL, so no URL leaves this module: not in a reason, an exception or a log.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from alert_router.config.configuration import Channel
from alert_router.discord import responses, urls
from alert_router.discord.markdown import clip
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import Outcome, Refusal, Sent, TryAgain
from alert_router.domain.rate_limits import RateInfo

DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"})
API = "https://discord.com/api/v10"
"""The URL people copy has no version and means v6: other errors, retry_after in milliseconds."""
TIMEOUT = httpx.Timeout(10.0, connect=5.0, pool=5.0)
MAX_REQUEST_S = 15.0
"""For a whole request: a reply that arrives byte by byte would outlast the lease of its card."""
DETAIL_CHARS = 500
POST_KEYS = frozenset({"thread_name", "applied_tags"})
"""Of a message that opens a forum post."""
EDIT_KEYS = ("content", "embeds", "components", "allowed_mentions")
USER_AGENT = "DiscordBot (https://github.com/alert-router/alert-router, 0.1.0)"
"""Discord wants this form; others may be blocked."""


@dataclass(frozen=True, slots=True)
class Reply:
    outcome: Outcome
    rate: RateInfo | None
    """None when there was no reply."""
    status: int | None


@dataclass(frozen=True, slots=True)
class WebhookInfo:
    """The Discord channel that a webhook posts to."""

    channel_id: str | None
    guild_id: str | None


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """How messages appear in the channel."""

    thread_id: str | None = None
    """The thread to post into; None: the one that the URL names, if any."""
    username: str | None = None
    avatar_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    payload: Payload
    params: Mapping[str, str]
    thread_id: str | None
    in_post: bool
    """The thread is a forum post that this router opened."""
    files: Files


class DiscordChannel:
    """One webhook."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: SecretStr,
        options: ChannelOptions | None = None,
        *,
        timeout_s: float = MAX_REQUEST_S,
    ) -> None:
        options = options or ChannelOptions()
        self._http = http
        self._timeout_s = timeout_s
        self._base, self._params = _address(url.get_secret_value())
        url_thread = self._params.pop("thread_id", None)
        self._thread_id = options.thread_id or url_thread
        self._author = _author(options)
        self._guild_id: str | None = None

    @classmethod
    def configured(cls, http: httpx.AsyncClient, channel: Channel) -> "DiscordChannel":
        """channel: one with a webhook."""
        if channel.webhook_url is None:
            raise ValueError(f"channel {channel.name} has no webhook")
        options = ChannelOptions(channel.thread_id, channel.username, channel.avatar_url)
        return cls(http, channel.webhook_url, options)

    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        """thread_id: the forum post that the incident has already; None or empty: it has none."""
        body = {**payload, **self._author}
        # Elsewhere than in a forum it is a thread that the channel may have left since.
        post = thread_id if "thread_name" in payload else None
        if post or self._thread_id:  # Discord refuses both; the tags of a post are those it was opened with
            body = {name: value for name, value in body.items() if name not in POST_KEYS}
        # Without wait=true a message that is not saved returns no error, and no id to edit later.
        return await self._send(self._request("POST", self._base, body, post, {"wait": "true"}, files))

    async def edit(
        self, message_id: str, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        """thread_id: where the message is; None or empty: where the channel posts."""
        # Only a create has an author, flags and a title; another key would be refused or ignored.
        body = {name: payload[name] for name in EDIT_KEYS if name in payload}
        # The attachments that are not listed go: an edit never leaves a picture that its card lacks.
        body["attachments"] = []
        url = f"{self._base}/messages/{message_id}"
        return await self._send(self._request("PATCH", url, body, thread_id, {}, files))

    def _request(
        self,
        method: str,
        url: str,
        payload: Payload,
        thread_id: str | None,
        params: Mapping[str, str],
        files: Files,
    ) -> _Request:
        in_post = bool(thread_id) and thread_id != self._thread_id
        if files:
            listed = [{"id": index, "filename": name} for index, name in enumerate(files)]
            payload = {**payload, "attachments": listed}
        return _Request(method, url, payload, params, thread_id or self._thread_id, in_post, files)

    async def fetch_webhook(self) -> WebhookInfo | Refusal | None:
        """Fetch the webhook itself, which notifies nobody. None without an answer."""
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.get(
                    self._base, params=self._params, headers={"User-Agent": USER_AGENT}, timeout=TIMEOUT
                )
        except (httpx.HTTPError, TimeoutError):
            return None
        body = _json_object(response)
        if not response.is_success:
            return Refusal(response.status_code, _code(body), _detail(body))
        self._guild_id = _text(body.get("guild_id"))
        return WebhookInfo(_text(body.get("channel_id")), self._guild_id)

    async def _send(self, request: _Request) -> Reply:
        thread = {"thread_id": request.thread_id} if request.thread_id else {}
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.request(
                    request.method,
                    request.url,
                    params={**self._params, **thread, **request.params, "with_components": "true"},
                    **_content(request),
                    headers={"User-Agent": USER_AGENT},
                    timeout=TIMEOUT,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Reply(TryAgain(f"not reached ({type(error).__name__})"), None, None)
        except (httpx.HTTPError, TimeoutError) as error:
            # The request was on its way: Discord may have it.
            return Reply(TryAgain(f"no answer ({type(error).__name__})", maybe_sent=True), None, None)
        return _reply(response, request, self._guild_id)


def _content(request: _Request) -> dict[str, Any]:
    """As httpx wants it: JSON, or a form with the files beside it."""
    if not request.files:
        return {"json": request.payload}
    form: dict[str, Any] = {"payload_json": (None, json.dumps(request.payload), "application/json")}
    for index, (name, content) in enumerate(request.files.items()):
        form[f"files[{index}]"] = (name, content, "image/png")
    return {"files": form}


def _author(options: ChannelOptions) -> Mapping[str, str]:
    """A picture that Discord does not take would cost every message of the channel."""
    author = {"username": options.username} if options.username else {}
    if options.avatar_url and urls.is_acceptable(options.avatar_url):
        author["avatar_url"] = options.avatar_url
    return author


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The base URL of all requests, and its query. Only Discord's hosts are rewritten."""
    parts = urlsplit(url)
    query = dict(httpx.QueryParams(parts.query))
    path = parts.path.rstrip("/")
    if parts.hostname in DISCORD_HOSTS:
        return API + path[path.index("/webhooks/") :], query
    return f"{parts.scheme}://{parts.netloc}{path}", query


def _reply(response: httpx.Response, request: _Request, guild_id: str | None) -> Reply:
    body = _json_object(response)
    rate = _rate(response, body)
    message_id = body.get("id")
    if response.is_success and isinstance(message_id, str) and message_id:
        # The channel of a message that opened a post is that post.
        thread_id = _text(body.get("channel_id")) if "thread_name" in request.payload else request.thread_id
        sent = Sent(message_id, _message_url(body, guild_id), thread_id)
        return Reply(sent, rate, response.status_code)
    refusal = Refusal(
        response.status_code,
        _code(body),
        _detail(body),
        rate.retry_after_s,
        edits=request.method == "PATCH",
        in_post=request.in_post,
    )
    return Reply(responses.classify_error(refusal), rate, response.status_code)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    """Empty when the reply has none: proxies and Cloudflare send HTML."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _rate(response: httpx.Response, body: dict[str, Any]) -> RateInfo:
    headers = response.headers
    remaining = _number(headers.get("X-RateLimit-Remaining"))
    return RateInfo(
        status=response.status_code,
        remaining=None if remaining is None else int(remaining),
        reset_after_s=_number(headers.get("X-RateLimit-Reset-After")),
        # The body's is exact, the header's rounded up to a second.
        retry_after_s=_number(body.get("retry_after")) or _number(headers.get("Retry-After")),
        scope="global" if body.get("global") is True else headers.get("X-RateLimit-Scope"),
        old_edits=body.get("code") == responses.OLD_EDITS,
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


def _code(body: dict[str, Any]) -> int | None:
    code = body.get("code")
    return code if isinstance(code, int) and code else None


def _detail(body: dict[str, Any]) -> str:
    message = str(body.get("message", ""))
    errors = body.get("errors")
    return clip(f"{message} {json.dumps(errors)}" if errors else message, DETAIL_CHARS)


def _message_url(body: dict[str, Any], guild_id: str | None) -> str | None:
    """A message's link needs the guild, which only the webhook itself has."""
    channel_id = body.get("channel_id")
    if guild_id is None or not channel_id:
        return None
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{body['id']}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
