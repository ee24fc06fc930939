"""Control over HTTP, for another process: read what the fake received, plan faults. Not part of Discord.

GET    /control/state[?requests=0]            webhooks, messages with revisions, requests, counters, faults
GET    /control/counters
GET    /control/attachments/{id}              the bytes of a file
POST   /control/webhooks                      {"id", "token", "channel_id", "kind"?}
POST   /control/webhooks/{id}/delete|revive
DELETE /control/messages/{id}
POST   /control/faults                        {"fault": {"kind", ...}, "times"?, "nth"?, "probability"?,
                                               "seed"?, "operation"?, "webhook_id"?, "containing"?},
                                               or a list of them
POST   /control/limits                        any field of RateLimits
POST   /control/release | /control/clear      let held requests go | forget all but the webhooks
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from random import Random
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from testbed.fakes.discord import faults
from testbed.fakes.discord.faults import Rule
from testbed.fakes.discord.messages import Attachment, Message, Revision, Webhook
from testbed.fakes.discord.state import DiscordState


def routes(state: DiscordState) -> list[Route]:  # noqa: C901 - a list of small handlers over one state
    async def whole_state(request: Request) -> Response:
        return JSONResponse(snapshot(state, requests=request.query_params.get("requests") != "0"))

    async def counters(_: Request) -> Response:
        return JSONResponse(state.counters())

    async def attachment(request: Request) -> Response:
        found = find_attachment(state, request.path_params["id"])
        return Response(found.content, media_type=found.content_type)

    async def add_webhook(request: Request) -> Response:
        wanted = await request.json()
        hook = state.webhook(
            wanted["id"], wanted["token"], wanted["channel_id"], kind=wanted.get("kind", "text")
        )
        return JSONResponse(_webhook_json(hook), 201)

    async def delete_webhook(request: Request) -> Response:
        state.delete_webhook(_registered(state, request))
        return Response(status_code=204)

    async def revive_webhook(request: Request) -> Response:
        state.revive_webhook(_registered(state, request))
        return Response(status_code=204)

    async def delete_message(request: Request) -> Response:
        if state.find_message(request.path_params["id"]) is None:
            raise HTTPException(404, "no such message")
        state.delete_message(request.path_params["id"])
        return Response(status_code=204)

    async def add_faults(request: Request) -> Response:
        wanted = await request.json()
        try:
            rules = [rule(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        except (KeyError, TypeError, ValueError) as error:
            raise HTTPException(400, f"not a fault: {error}") from None
        state.faults.rules.extend(rules)
        return JSONResponse({"pending": [str(one.fault) for one in state.faults.pending]}, 201)

    async def set_limits(request: Request) -> Response:
        state.rates.limits = replace(state.rates.limits, **await request.json())
        return JSONResponse(asdict(state.rates.limits))

    async def release(_: Request) -> Response:
        state.faults.release()
        return Response(status_code=204)

    async def clear(_: Request) -> Response:
        state.clear()
        return Response(status_code=204)

    return [
        Route("/control/state", whole_state),
        Route("/control/counters", counters),
        Route("/control/attachments/{id}", attachment),
        Route("/control/webhooks", add_webhook, methods=["POST"]),
        Route("/control/webhooks/{id}/delete", delete_webhook, methods=["POST"]),
        Route("/control/webhooks/{id}/revive", revive_webhook, methods=["POST"]),
        Route("/control/messages/{id}", delete_message, methods=["DELETE"]),
        Route("/control/faults", add_faults, methods=["POST"]),
        Route("/control/limits", set_limits, methods=["POST"]),
        Route("/control/release", release, methods=["POST"]),
        Route("/control/clear", clear, methods=["POST"]),
    ]


def rule(wanted: Any) -> Rule:
    """As FaultPlan.next, nth and sometimes; `times` is 1 unless given, endless with a probability."""
    if not isinstance(wanted, Mapping):
        raise TypeError("an object is needed")
    probability = wanted.get("probability", 1.0)
    return Rule(
        faults.from_json(wanted["fault"]),
        operation=wanted.get("operation"),
        webhook_id=wanted.get("webhook_id"),
        containing=wanted.get("containing", ""),
        left=wanted.get("times", 1 if probability >= 1 else None),
        nth=wanted.get("nth"),
        probability=probability,
        random=Random(wanted.get("seed", 0)),  # noqa: S311 - repeatable on purpose
    )


def snapshot(state: DiscordState, *, requests: bool = True) -> dict[str, Any]:
    return {
        "now": state.clock(),
        "webhooks": [_webhook_json(hook) for hook in state.webhooks.values()],
        "messages": [_message_json(message) for message in state.messages(deleted=True)],
        "requests": [asdict(record) for record in state.requests] if requests else [],
        "counters": state.counters(),
        "faults": [
            {"fault": str(one.fault), "left": one.left, "seen": one.seen} for one in state.faults.pending
        ],
        "held": state.faults.held,
        "limits": asdict(state.rates.limits),
    }


def find_attachment(state: DiscordState, attachment_id: str) -> Attachment:
    for message in state.messages(deleted=True):
        for revision in message.revisions:
            for one in revision.shown.attachments:
                if one.id == attachment_id:
                    return one
    raise HTTPException(404, "no such attachment")


def _registered(state: DiscordState, request: Request) -> str:
    webhook_id: str = request.path_params["id"]
    if webhook_id not in state.webhooks:
        raise HTTPException(404, "no such webhook")
    return webhook_id


def _webhook_json(hook: Webhook) -> dict[str, Any]:
    """Without the token: this is shown to people."""
    return {
        "id": hook.id,
        "channel_id": hook.channel_id,
        "kind": hook.kind,
        "deleted": hook.deleted,
        "threads": sorted(hook.threads),
    }


def _message_json(message: Message) -> dict[str, Any]:
    return {
        **message.as_json(),
        "username": message.username,
        "thread_id": message.thread_id,
        "pinged": asdict(message.pinged),
        "silent": message.silent,
        "created_at": message.created_at,
        "deleted_at": message.deleted_at,
        "revisions": [_revision_json(revision, message.channel_id) for revision in message.revisions],
    }


def _revision_json(revision: Revision, channel_id: str) -> dict[str, Any]:
    shown = revision.shown
    return {
        "at": revision.at,
        "content": shown.content,
        "embeds": list(shown.embeds),
        "components": list(shown.components),
        "attachments": [one.as_json(channel_id) for one in shown.attachments],
        "flags": shown.flags,
    }
