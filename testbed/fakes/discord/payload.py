"""Checks a whole message and works out what it shows: from nothing, or from what was there before an edit.

v10: a field that an edit leaves out stays, null or [] removes, `attachments` lists everything that is to
remain.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from testbed.fakes.discord import components, embeds, limits, mentions
from testbed.fakes.discord.answers import empty_message
from testbed.fakes.discord.forms import Form
from testbed.fakes.discord.messages import Attachment, Content
from testbed.fakes.discord.problems import Problems

NewId = Callable[[], str]

BOTH_KEYS = frozenset(["content", "embeds", "allowed_mentions", "components", "attachments", "flags", "poll"])
CREATE_KEYS = BOTH_KEYS | frozenset(["username", "avatar_url", "tts", "thread_name", "applied_tags"])
ATTACHMENT_KEYS = frozenset(
    ["id", "filename", "description", "title", "duration_secs", "waveform", "is_spoiler", "is_remix"]
)
CREATE_FLAGS = limits.SUPPRESS_EMBEDS | limits.SUPPRESS_NOTIFICATIONS | limits.IS_COMPONENTS_V2
EDIT_FLAGS = limits.SUPPRESS_EMBEDS | limits.IS_COMPONENTS_V2


def create(problems: Problems, form: Form, *, with_components: bool, new_id: NewId) -> Content:
    payload = form.payload
    problems.known((), payload, CREATE_KEYS)
    _username(problems, payload.get("username"))
    problems.url(("avatar_url",), payload.get("avatar_url"))
    problems.boolean(("tts",), payload.get("tts"))
    if payload.get("thread_name") is not None:
        problems.text(("thread_name",), payload["thread_name"], limits.THREAD_NAME_CHARS, shortest=1)
    for at, tag in enumerate(
        problems.items(("applied_tags",), payload.get("applied_tags"), limits.APPLIED_TAGS)
    ):
        problems.snowflake(("applied_tags", at), tag)
    flags = _flags(problems, payload.get("flags"), CREATE_FLAGS)
    return _content(problems, form, Content(flags=flags), with_components=with_components, new_id=new_id)


def edit(problems: Problems, form: Form, before: Content, *, with_components: bool, new_id: NewId) -> Content:
    problems.known((), form.payload, BOTH_KEYS)
    flags = before.flags
    if form.payload.get("flags") is not None:
        wanted = _flags(problems, form.payload["flags"], EDIT_FLAGS)
        if before.flags & limits.IS_COMPONENTS_V2 and not wanted & limits.IS_COMPONENTS_V2:
            problems.add(
                ("flags",),
                "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG",
                "The components v2 flag cannot be removed.",
            )
        flags = before.flags & ~limits.SUPPRESS_EMBEDS | wanted
    start = Content(
        content=before.content,
        embeds=before.embeds,
        components=before.components,
        attachments=before.attachments,
        flags=flags,
        poll=before.poll,
    )
    return _content(problems, form, start, with_components=with_components, new_id=new_id)


def _content(
    problems: Problems, form: Form, before: Content, *, with_components: bool, new_id: NewId
) -> Content:
    payload = form.payload
    v2 = bool(before.flags & limits.IS_COMPONENTS_V2)
    if v2:
        _no_legacy_fields(problems, payload)
    mentions.check(problems, payload.get("allowed_mentions"))
    attachments = _attachments(problems, form, before.attachments, new_id)
    after = Content(
        content=_content_text(problems, payload, before),
        embeds=_embeds(problems, payload, before, {one.filename for one in attachments}),
        components=_components(problems, payload, before, with_components=with_components, v2=v2),
        attachments=attachments,
        flags=before.flags,
        poll=_poll(problems, payload, before),
    )
    problems.refuse_if_any()
    if after.is_empty():
        raise empty_message()
    return after


def _username(problems: Problems, value: Any) -> None:
    if value is None:
        return
    name = problems.text(("username",), value, limits.USERNAME_CHARS, shortest=1).lower()
    for word in ("discord", "clyde"):
        if word in name:
            problems.add(("username",), "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    for word in ("everyone", "here"):
        # Also inside a longer word: "groundsphere" is refused (MinnDevelopment/discord-webhooks#100).
        if word in name:
            problems.add(("username",), "USERNAME_INVALID", f'Username cannot be "{word}"')


def _flags(problems: Problems, value: Any, allowed: int) -> int:
    flags = problems.whole(("flags",), value) or 0
    if flags & ~allowed:
        problems.add(("flags",), "BITFIELD_INVALID", f"Only these bits may be set: {allowed}.")
    return flags & allowed


def _no_legacy_fields(problems: Problems, payload: Mapping[str, Any]) -> None:
    for key in ("content", "embeds", "poll"):
        if payload.get(key):
            problems.add(
                (key,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _content_text(problems: Problems, payload: Mapping[str, Any], before: Content) -> str:
    if "content" not in payload:
        return before.content
    return problems.text(("content",), payload["content"], limits.CONTENT_CHARS)


def _embeds(
    problems: Problems, payload: Mapping[str, Any], before: Content, attached: Collection[str]
) -> tuple[Mapping[str, Any], ...]:
    if "embeds" not in payload:
        return before.embeds
    return tuple(embeds.check(problems, payload["embeds"], attached))


def _components(
    problems: Problems, payload: Mapping[str, Any], before: Content, *, with_components: bool, v2: bool
) -> tuple[Mapping[str, Any], ...]:
    # Without ?with_components=true Discord drops them without a word (discord-api-docs#5744).
    if "components" not in payload or not with_components:
        return before.components
    return tuple(components.check(problems, payload["components"], v2=v2))


def _poll(problems: Problems, payload: Mapping[str, Any], before: Content) -> Mapping[str, Any] | None:
    poll = problems.object(("poll",), payload.get("poll"))
    if poll is not None:
        for key in ("question", "answers"):
            if not poll.get(key):
                problems.required(("poll", key))
    return poll if "poll" in payload else before.poll


def _attachments(
    problems: Problems, form: Form, kept: tuple[Attachment, ...], new_id: NewId
) -> tuple[Attachment, ...]:
    if len(form.files) > limits.ATTACHMENTS:
        problems.add(
            ("attachments",), "BASE_TYPE_MAX_LENGTH", f"Must be {limits.ATTACHMENTS} or fewer in length."
        )
    if "attachments" not in form.payload:
        return kept + tuple(
            Attachment(new_id(), file.filename, file.content_type, file.content)
            for _, file in sorted(form.files.items())
        )
    known = {one.id: one for one in kept}
    listed = problems.items(("attachments",), form.payload["attachments"], limits.ATTACHMENTS)
    chosen = [_attachment(problems, at, item, form, known, new_id) for at, item in enumerate(listed)]
    named = {str(item.get("id")) for item in listed if isinstance(item, dict)}
    for number in form.files:
        if str(number) not in named:
            problems.add(
                ("attachments",), "ATTACHMENT_NOT_LISTED", f"files[{number}] is not among the attachments."
            )
    return tuple(one for one in chosen if one is not None)


def _attachment(
    problems: Problems, at: int, value: Any, form: Form, known: Mapping[str, Attachment], new_id: NewId
) -> Attachment | None:
    path = ("attachments", at)
    item = problems.object(path, value)
    if item is None or item.get("id") is None:
        problems.required((*path, "id"))
        return None
    problems.known(path, item, ATTACHMENT_KEYS)
    one = str(item["id"])
    problems.snowflake((*path, "id"), one)
    description = problems.text((*path, "description"), item.get("description"), limits.ATTACHMENT_TEXT_CHARS)
    if item.get("filename") is not None:
        problems.text((*path, "filename"), item["filename"], limits.ATTACHMENT_TEXT_CHARS, shortest=1)
    if one in known:
        return known[one]
    upload = form.files.get(int(one)) if one.isdecimal() else None
    if upload is None:
        problems.add(path, "MESSAGE_ATTACHMENT_NOT_FOUND", f"Attachment {one} not found")
        return None
    filename = str(item.get("filename") or upload.filename)
    return Attachment(new_id(), filename, upload.content_type, upload.content, description or None)
