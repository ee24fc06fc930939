"""A plain client of the fake, in process and synchronous: for the tests of the fake itself."""

import asyncio
from typing import Any

import httpx

from testbed.fakes.discord.server import transport
from testbed.fakes.discord.state import DEFAULT_TOKEN, DiscordState


class Caller:
    """Calls one registered webhook; every method answers the raw response."""

    def __init__(self, state: DiscordState, webhook_id: str = "1", token: str = DEFAULT_TOKEN) -> None:
        self._transport = transport(state)
        self.path = f"/api/v10/webhooks/{webhook_id}/{token}"

    def create(self, payload: Any, **query: Any) -> httpx.Response:
        return self.call("POST", self.path, params={"wait": True, **query}, json=payload)

    def edit(self, message_id: str, payload: Any, **query: Any) -> httpx.Response:
        return self.call("PATCH", f"{self.path}/messages/{message_id}", params=query, json=payload)

    def get(self, message_id: str, **query: Any) -> httpx.Response:
        return self.call("GET", f"{self.path}/messages/{message_id}", params=query)

    def call(self, method: str, path: str, **changes: Any) -> httpx.Response:
        return asyncio.run(self._call(method, path, changes))

    async def _call(self, method: str, path: str, changes: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://discord.test") as client:
            return await client.request(method, path, **changes)
