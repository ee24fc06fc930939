"""The fake's records: webhooks, messages with every revision, and the log of requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from testbed.fakes.discord.mentions import Pings

Operation = Literal["create", "edit", "get", "delete", "webhook"]


@dataclass(slots=True)
class Webhook:
    id: str
    token: str
    channel_id: str
    kind: Literal["text", "forum"] = "text"
    name: str = "fake"
    guild_id: str = "900000000000000001"
    deleted: bool = False
    threads: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        return {
            "type": 1,
            "id": self.id,
            "name": self.name,
            "avatar": None,
            "channel_id": self.channel_id,
            "guild_id": self.guild_id,
            "application_id": None,
            "token": self.token,
            "url": f"https://discord.com/api/webhooks/{self.id}/{self.token}",
        }


@dataclass(frozen=True, slots=True)
class Attachment:
    id: str
    filename: str
    content_type: str
    content: bytes = field(repr=False)
    description: str | None = None

    def as_json(self, channel_id: str) -> dict[str, Any]:
        path = f"attachments/{channel_id}/{self.id}/{self.filename}"
        described = {"description": self.description} if self.description else {}
        return {
            "id": self.id,
            "filename": self.filename,
            "size": len(self.content),
            "content_type": self.content_type,
            "url": f"https://cdn.discordapp.com/{path}?ex=0&is=0&hm=0",
            "proxy_url": f"https://media.discordapp.net/{path}?ex=0&is=0&hm=0",
            **described,
        }


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a message that an edit can change."""

    content: str = ""
    embeds: tuple[Mapping[str, Any], ...] = ()
    components: tuple[Mapping[str, Any], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    flags: int = 0
    poll: Mapping[str, Any] | None = None

    def is_empty(self) -> bool:
        return not (self.content or self.embeds or self.components or self.attachments or self.poll)


@dataclass(frozen=True, slots=True)
class Revision:
    at: float
    shown: Content
    payload: Mapping[str, Any]
    """The body as the client sent it."""


@dataclass(slots=True)
class Message:
    id: str
    webhook_id: str
    channel_id: str
    thread_id: str | None
    username: str
    avatar_url: str | None
    tts: bool
    revisions: list[Revision]
    pinged: Pings = field(default_factory=Pings)
    """Whom the create notified; edits notify nobody."""
    silent: bool = False
    """Sent with SUPPRESS_NOTIFICATIONS: mentions show, nobody's device rings."""
    mentions: Pings = field(default_factory=Pings)
    """Whom the present text mentions; parsed anew by every edit."""
    deleted_at: float | None = None

    @property
    def shown(self) -> Content:
        return self.revisions[-1].shown

    @property
    def content(self) -> str:
        return self.shown.content

    @property
    def embeds(self) -> Sequence[Mapping[str, Any]]:
        return self.shown.embeds

    @property
    def components(self) -> Sequence[Mapping[str, Any]]:
        return self.shown.components

    @property
    def attachments(self) -> Sequence[Attachment]:
        return self.shown.attachments

    @property
    def created_at(self) -> float:
        return self.revisions[0].at

    @property
    def edits(self) -> Sequence[Revision]:
        return self.revisions[1:]

    def as_json(self) -> dict[str, Any]:
        """A message object as the API answers it (`MessageResponse`)."""
        shown = self.shown
        return {
            "id": self.id,
            "type": 0,
            "channel_id": self.channel_id,
            "webhook_id": self.webhook_id,
            "author": _author(self),
            "content": shown.content,
            "embeds": [_embed_json(embed) for embed in shown.embeds],
            "components": _numbered(shown.components),
            "attachments": [one.as_json(self.channel_id) for one in shown.attachments],
            "flags": shown.flags,
            "timestamp": iso(self.created_at),
            "edited_timestamp": iso(self.revisions[-1].at) if self.edits else None,
            "mentions": [_user(user) for user in self.mentions.users],
            "mention_roles": list(self.mentions.roles),
            "mention_everyone": self.mentions.everyone,
            "pinned": False,
            "tts": self.tts,
        }


@dataclass(slots=True)
class RequestRecord:
    """One request as it came; the answer is filled in when it is given. No token anywhere."""

    number: int
    at: float
    operation: Operation
    webhook_id: str
    message_id: str | None
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: Any = None
    """The JSON body, or the text where it was none."""
    files: tuple[tuple[str, int], ...] = ()
    unknown_keys: tuple[str, ...] = ()
    repeated_embed_urls: tuple[str, ...] = ()
    stored: str | None = None
    """Id of the message which this request created, changed or removed, whatever the client was answered."""
    status: int | None = None
    """None while unanswered, and for ever after a reset or a time-out."""
    error: str | None = None
    fault: str | None = None


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def _author(message: Message) -> dict[str, Any]:
    return {**_user(message.webhook_id), "username": message.username, "bot": True}


def _user(user_id: str) -> dict[str, Any]:
    return {
        "id": user_id,
        "username": f"user-{user_id}",
        "avatar": None,
        "discriminator": "0000",
        "public_flags": 0,
        "flags": 0,
        "global_name": None,
        "primary_guild": None,
    }


def _embed_json(embed: Mapping[str, Any]) -> dict[str, Any]:
    answered = {"type": "rich", **{key: value for key, value in embed.items() if value is not None}}
    if "fields" in answered:
        answered["fields"] = [{"inline": False, **field} for field in answered["fields"]]
    return answered


def _numbered(components: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Discord numbers components by position, depth first."""
    count = 0

    def number(component: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal count
        count += 1
        numbered = {"id": count, **{key: value for key, value in component.items() if value is not None}}
        if "components" in component:
            numbered["components"] = [number(child) for child in component["components"]]
        return numbered

    return [number(component) for component in components]
