"""The built-in channel: takes cards for the page /preview when no webhook is configured."""

from alert_router.discord.client import Place, Reply
from alert_router.discord.packer import Payload
from alert_router.discord.responses import Sent

MESSAGE_ID = "preview"


class PreviewChannel:
    """Takes everything at once. The page shows the card's stored body, so nothing is kept here."""

    async def create(self, payload: Payload) -> Reply:
        return Reply(Sent(MESSAGE_ID, None), None, None)

    async def edit(self, message_id: str, payload: Payload) -> Reply:
        return Reply(Sent(message_id, None), None, None)

    async def look(self) -> Place | None:
        return Place(None, None)
