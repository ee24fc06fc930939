"""The webhook operations: authorisation, checks and storage. No faults and no rate limits here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from testbed.fakes.discord import components, embeds, mentions, payload
from testbed.fakes.discord.answers import (
    VIA,
    Answer,
    Refused,
    as_json,
    invalid_token,
    unknown_channel,
    unknown_message,
    unknown_webhook,
)
from testbed.fakes.discord.forms import Form
from testbed.fakes.discord.limits import SUPPRESS_NOTIFICATIONS
from testbed.fakes.discord.messages import Content, Message, Operation, RequestRecord, Revision, Webhook
from testbed.fakes.discord.problems import SNOWFLAKE, Problems
from testbed.fakes.discord.state import DiscordState

TRUE_WORDS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Call:
    operation: Operation
    webhook_id: str
    token: str
    message_id: str | None
    query: Mapping[str, str]
    record: RequestRecord


def perform(state: DiscordState, call: Call, form: Form) -> Answer:
    hook = authorised(state, call)
    if call.operation == "webhook":
        return as_json(200, hook.as_json())
    if call.operation == "create":
        return _create(state, hook, call, form)
    message = _message(state, call)
    if call.operation == "get":
        return as_json(200, message.as_json())
    if call.operation == "delete":
        state.delete_message(message.id)
        call.record.stored = message.id
        return Answer(204, headers=VIA)
    return _edit(state, message, call, form)


def authorised(state: DiscordState, call: Call) -> Webhook:
    if not SNOWFLAKE.fullmatch(call.webhook_id):
        problems = Problems()
        problems.snowflake(("webhook_id",), call.webhook_id)
        problems.refuse_if_any()
    hook = state.webhooks.get(call.webhook_id)
    if hook is None and state.auto_register:
        hook = state.webhook(call.webhook_id, call.token, f"1{call.webhook_id}")
    if hook is None or hook.deleted:
        raise unknown_webhook()
    if hook.token != call.token:
        raise invalid_token()
    return hook


def is_old(state: DiscordState, call: Call) -> bool:
    """Whether this edits a message that is past the hour."""
    message = state.find_message(call.message_id or "")
    if message is None or call.operation != "edit":
        return False
    return state.clock() - message.created_at > state.rates.limits.old_after_s


def _create(state: DiscordState, hook: Webhook, call: Call, form: Form) -> Answer:
    problems = Problems()
    wait = _choice(problems, call.query, "wait")
    with_components = _choice(problems, call.query, "with_components")
    shown = payload.create(problems, form, with_components=with_components, new_id=state.new_id)
    _note(state, call.record, problems, shown)
    thread_id = _thread(state, hook, call.query.get("thread_id"), form.payload.get("thread_name"))
    message = _new_message(state, hook, thread_id, shown, form.payload)
    state.keep(message)
    call.record.stored = message.id
    return as_json(200, message.as_json()) if wait else Answer(204, headers=VIA)


def _new_message(
    state: DiscordState, hook: Webhook, thread_id: str | None, shown: Content, sent: Mapping[str, Any]
) -> Message:
    pinged = mentions.pings(
        (shown.content, *components.texts(list(shown.components))), sent.get("allowed_mentions")
    )
    return Message(
        id=state.new_id(),
        webhook_id=hook.id,
        channel_id=thread_id or hook.channel_id,
        thread_id=thread_id,
        username=(sent.get("username") or hook.name).strip(),
        avatar_url=sent.get("avatar_url"),
        tts=bool(sent.get("tts")),
        revisions=[Revision(state.clock(), _lean(state, shown), dict(sent))],
        pinged=pinged,
        silent=bool(shown.flags & SUPPRESS_NOTIFICATIONS),
        mentions=pinged,
    )


def _edit(state: DiscordState, message: Message, call: Call, form: Form) -> Answer:
    problems = Problems()
    with_components = _choice(problems, call.query, "with_components")
    shown = payload.edit(problems, form, message.shown, with_components=with_components, new_id=state.new_id)
    _note(state, call.record, problems, shown)
    message.revisions.append(Revision(state.clock(), _lean(state, shown), dict(form.payload)))
    texts = (shown.content, *components.texts(list(shown.components)))
    # Discord parses mentions anew from the edit's own allowed_mentions, not from those of the create.
    message.mentions = mentions.pings(texts, form.payload.get("allowed_mentions"))
    call.record.stored = message.id
    return as_json(200, message.as_json())


def _message(state: DiscordState, call: Call) -> Message:
    """A message in a thread is found only with its thread_id."""
    message = state.find_message(call.message_id or "")
    if message is None or message.webhook_id != call.webhook_id:
        raise unknown_message()
    if call.query.get("thread_id") != message.thread_id:
        raise unknown_message()
    return message


def _thread(state: DiscordState, hook: Webhook, thread_id: str | None, thread_name: Any) -> str | None:
    if hook.kind == "forum" and thread_id and thread_name:
        raise Refused(
            400, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
        )
    if hook.kind == "forum" and not (thread_id or thread_name):
        raise Refused(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
    if hook.kind == "text" and thread_name:
        raise Refused(400, 220003, "Webhooks can only create threads in forum channels")
    if thread_name:
        thread_id = state.new_id()
        hook.threads.add(thread_id)
    if thread_id and thread_id not in hook.threads:
        raise unknown_channel()
    return thread_id or None


def _choice(problems: Problems, query: Mapping[str, str], name: str) -> bool:
    word = query.get(name, "false").lower()
    if word not in TRUE_WORDS:
        problems.add((name,), "BOOLEAN_TYPE_CHOICES", "Must be either true or false.")
    return TRUE_WORDS.get(word, False)


def _note(state: DiscordState, record: RequestRecord, problems: Problems, shown: Content) -> None:
    record.unknown_keys = tuple(problems.unknown_keys)
    record.repeated_embed_urls = tuple(embeds.repeated_urls(shown.embeds))
    if state.strict_unknown_keys and problems.unknown_keys:
        raise Refused(400, 50035, f"strict_unknown_keys: unknown are {problems.unknown_keys}")


def _lean(state: DiscordState, shown: Content) -> Content:
    if state.keep_files:
        return shown
    return replace(shown, attachments=tuple(replace(one, content=b"") for one in shown.attachments))
