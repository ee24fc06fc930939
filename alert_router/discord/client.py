"""Posts one payload to one Discord webhook and returns the outcome. No retries, no waiting.

The token is in the URL, so no URL leaves this module: not in a reason, an exception or a log.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from alert_router.discord import responses
from alert_router.discord.markdown import clip
from alert_router.discord.packer import Payload
from alert_router.discord.responses import Outcome, Refusal, Sent, TryAgain
from alert_router.domain.rate_limits import RateInfo

DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"})
API = "https://discord.com/api/v10"
"""The URL people copy has no version and means v6: other errors, retry_after in milliseconds."""
TIMEOUT = httpx.Timeout(10.0, connect=5.0, pool=5.0)
MAX_REQUEST_S = 15.0
"""For a whole request: a reply that arrives byte by byte would outlast the lease of its card."""
DETAIL_CHARS = 500
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


class DiscordChannel:
    """One webhook."""

    def __init__(self, http: httpx.AsyncClient, url: SecretStr, *, timeout_s: float = MAX_REQUEST_S) -> None:
        self._http = http
        self._timeout_s = timeout_s
        self._base, self._params = _address(url.get_secret_value())
        self._guild_id: str | None = None

    async def create(self, payload: Payload) -> Reply:
        # Without wait=true a message that is not saved returns no error, and no id to edit later.
        return await self._send("POST", self._base, payload, {"wait": "true"})

    async def edit(self, message_id: str, payload: Payload) -> Reply:
        return await self._send("PATCH", f"{self._base}/messages/{message_id}", payload, {})

    async def fetch_webhook(self) -> WebhookInfo | None:
        """Fetch the webhook itself, which notifies nobody. None when it is not there."""
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.get(
                    self._base, params=self._params, headers={"User-Agent": USER_AGENT}, timeout=TIMEOUT
                )
        except (httpx.HTTPError, TimeoutError):
            return None
        body = _json_object(response)
        if not response.is_success:
            return None
        self._guild_id = _text(body.get("guild_id"))
        return WebhookInfo(_text(body.get("channel_id")), self._guild_id)

    async def _send(self, method: str, url: str, payload: Payload, params: dict[str, str]) -> Reply:
        params = {**self._params, **params, "with_components": "true"}
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.request(
                    method,
                    url,
                    params=params,
                    json=payload,
                    headers={"User-Agent": USER_AGENT},
                    timeout=TIMEOUT,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Reply(TryAgain(f"not reached ({type(error).__name__})"), None, None)
        except (httpx.HTTPError, TimeoutError) as error:
            # The request was on its way: Discord may have it.
            return Reply(TryAgain(f"no answer ({type(error).__name__})", maybe_sent=True), None, None)
        return _reply(response, self._guild_id)


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The base URL of all requests, and the query to keep (thread_id). Only Discord's hosts are rewritten."""
    parts = urlsplit(url)
    query = dict(httpx.QueryParams(parts.query))
    path = parts.path.rstrip("/")
    if parts.hostname in DISCORD_HOSTS:
        return API + path[path.index("/webhooks/") :], query
    return f"{parts.scheme}://{parts.netloc}{path}", query


def _reply(response: httpx.Response, guild_id: str | None) -> Reply:
    body = _json_object(response)
    rate = _rate(response, body)
    message_id = body.get("id")
    if response.is_success and isinstance(message_id, str) and message_id:
        return Reply(Sent(message_id, _message_url(body, guild_id)), rate, response.status_code)
    refusal = Refusal(response.status_code, _code(body), _detail(body), rate.retry_after_s)
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
