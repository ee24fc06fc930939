"""A fake of Discord's webhook API, as strict as Discord: form errors, rate limits, and faults on demand.

    state = DiscordState(clock=clock)                     # clock: Callable[[], float], so that no test sleeps
    state.webhook("1", "token", "100")                    # id, token, channel
    httpx.AsyncClient(transport=transport(state))         # in process, or
    with running(state) as discord: discord.webhook_url() # a real server on a free port

    state.messages("1")        # Message: content, embeds, components, attachments, revisions, edits, pinged
    state.creates, state.edits # requests that were stored, whatever the client was answered
    state.requests             # every request: masked path, payload, headers, status, stored, fault
    state.limited, state.rates.sent_429, state.rates.impatient, state.rates.invalid_total
    state.unknown_keys, state.repeated_embed_urls  # Discord accepts these silently; a test can assert them
    state.faults.next(faults.status(503)), .nth(3, ...), .sometimes(0.1, ..., seed=7), .release()
    openapi.validate_execute(payload), openapi.validate_edit(payload)

Alone: `python -m testbed.fakes.discord --port 9199`; control.py lists what can be controlled over HTTP.
Both /api/webhooks and /api/v10/webhooks speak v10; the deprecated default version is not covered.
"""

from testbed.fakes.discord import faults, limits, openapi
from testbed.fakes.discord.app import create_app
from testbed.fakes.discord.faults import Fault, FaultPlan
from testbed.fakes.discord.limits import RateLimits
from testbed.fakes.discord.mentions import Pings
from testbed.fakes.discord.messages import Attachment, Content, Message, RequestRecord, Revision, Webhook
from testbed.fakes.discord.server import RunningDiscord, running, transport
from testbed.fakes.discord.state import DiscordState, only

__all__ = [
    "Attachment",
    "Content",
    "DiscordState",
    "Fault",
    "FaultPlan",
    "Message",
    "Pings",
    "RateLimits",
    "RequestRecord",
    "Revision",
    "RunningDiscord",
    "Webhook",
    "create_app",
    "faults",
    "limits",
    "only",
    "openapi",
    "running",
    "transport",
]
