"""The built-in channel: takes cards for the page /preview when no webhook is configured."""

from alert_router.discord.client import Reply, WebhookInfo
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import Sent

MESSAGE_ID = "preview"


class PreviewChannel:
    """Accepts every card. The page shows the stored payload, so nothing is kept here."""

    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        return Reply(Sent(MESSAGE_ID, None), None, None)

    async def edit(
        self, message_id: str, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        return Reply(Sent(message_id, None), None, None)

    async def fetch_webhook(self) -> WebhookInfo | None:
        return WebhookInfo(None, None)
