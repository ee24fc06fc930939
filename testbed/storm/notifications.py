"""Which alerts of a storm a channel shows, and since when: read from its messages alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from testbed.fakes.discord import DiscordState, Message
from testbed.storm.alerts import StormAlert

INSTANCE = re.compile(r"host-\d{4,}")
FIRING = re.compile(r"(\d+) alerts firing in (\d+) incidents")
OVER = re.compile(r"The storm is over . (\d+) alerts in (\d+) incidents")
DIGEST = "alert-router · digest"


@dataclass(frozen=True)
class Notifications:
    """The router's messages: one for an incident, and digests that list and count the others."""

    messages: Sequence[Message]

    @classmethod
    def in_channel(cls, discord: DiscordState) -> "Notifications":
        return cls(discord.messages())

    @cached_property
    def digests(self) -> list[Message]:
        return [message for message in self.messages if _is_digest(message)]

    @cached_property
    def singles(self) -> dict[str, Message]:
        """Messages of one incident, by its instance."""
        return {_instance(message): message for message in self.messages if not _is_digest(message)}

    @property
    def folded(self) -> int:
        """The number of incidents in digests."""
        return sum(_incidents(title_of(digest)) for digest in self.digests)

    @property
    def total(self) -> int:
        return len(self.singles) + self.folded

    def first_critical_at(self, alerts: Sequence[StormAlert]) -> float | None:
        moments = [self.singles[alert.instance].created_at for alert in alerts if self._is_single(alert)]
        return min(moments, default=None)

    def critical_singles(self, alerts: Sequence[StormAlert]) -> int:
        return sum(self._is_single(alert) for alert in alerts)

    def _is_single(self, alert: StormAlert) -> bool:
        return alert.critical and alert.instance in self.singles

    def complete_at(self, size: int) -> float | None:
        """When the messages first covered `size` incidents; None when they never did."""
        covered: dict[str, int] = {}
        for at, message_id, count in sorted(self._steps()):
            covered[message_id] = count
            if sum(covered.values()) >= size:
                return at
        return None

    def _steps(self) -> list[tuple[float, str, int]]:
        """Every change of the number of incidents that a message is about: time, message, number."""
        steps = [(single.created_at, single.id, 1) for single in self.singles.values()]
        for digest in self.digests:
            for revision in digest.revisions:
                title = str(revision.shown.embeds[0]["title"])
                steps.append((revision.at, digest.id, _incidents(title)))
        return steps

    @property
    def resolved(self) -> bool:
        """Every message shows that its alerts have resolved."""
        return bool(self.messages) and all(title_of(message).startswith("🟢") for message in self.messages)

    @property
    def resolved_at(self) -> float:
        return max(message.revisions[-1].at for message in self.messages)


def named(discord: DiscordState) -> set[str]:
    """The instances in any revision of any message, whoever wrote it."""
    return {
        name
        for message in discord.messages()
        for revision in message.revisions
        for name in INSTANCE.findall(f"{revision.shown.content} {revision.shown.embeds}")
    }


def title_of(message: Message) -> str:
    return str(message.embeds[0]["title"])


def _is_digest(message: Message) -> bool:
    return bool(message.embeds[0].get("footer", {}).get("text") == DIGEST)


def _instance(message: Message) -> str:
    match = INSTANCE.search(str(message.embeds))
    assert match is not None, message.embeds
    return match[0]


def _incidents(title: str) -> int:
    match = FIRING.search(title) or OVER.search(title)
    assert match is not None, title
    return int(match[2])
