"""What a channel was told of a storm, and when: read from the messages alone, as a person would."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from testbed.fakes.discord import DiscordState, Message
from testbed.storm.cast import Blow

INSTANCE = re.compile(r"host-\d{4,}")
FIRING = re.compile(r"(\d+) alerts firing in (\d+) incidents")
OVER = re.compile(r"The storm is over . (\d+) alerts in (\d+) incidents")
DIGEST = "alert-router · digest"


@dataclass(frozen=True)
class Told:
    """By the router: a message for each incident, and digests that list and count the others."""

    messages: Sequence[Message]

    @classmethod
    def by(cls, discord: DiscordState) -> "Told":
        return cls(discord.messages())

    @cached_property
    def digests(self) -> list[Message]:
        return [message for message in self.messages if _is_digest(message)]

    @cached_property
    def singles(self) -> dict[str, Message]:
        """By the instance they are about."""
        return {_instance(message): message for message in self.messages if not _is_digest(message)}

    @property
    def folded(self) -> int:
        """Incidents that a digest counts."""
        return sum(_incidents(title_of(digest)) for digest in self.digests)

    @property
    def total(self) -> int:
        return len(self.singles) + self.folded

    def first_critical_at(self, blows: Sequence[Blow]) -> float | None:
        moments = [self.singles[blow.instance].created_at for blow in blows if self._is_single(blow)]
        return min(moments, default=None)

    def critical_singles(self, blows: Sequence[Blow]) -> int:
        return sum(self._is_single(blow) for blow in blows)

    def _is_single(self, blow: Blow) -> bool:
        return blow.critical and blow.instance in self.singles

    def all_told_at(self, size: int) -> float | None:
        """When messages first spoke of so many incidents; None when they never did."""
        spoken: dict[str, int] = {}
        for at, message_id, count in sorted(self._steps()):
            spoken[message_id] = count
            if sum(spoken.values()) >= size:
                return at
        return None

    def _steps(self) -> list[tuple[float, str, int]]:
        """Whenever a message said how many incidents it is about."""
        steps = [(single.created_at, single.id, 1) for single in self.singles.values()]
        for digest in self.digests:
            for revision in digest.revisions:
                title = str(revision.shown.embeds[0]["title"])
                steps.append((revision.at, digest.id, _incidents(title)))
        return steps

    @property
    def over(self) -> bool:
        """Every message says that its alerts have resolved."""
        return bool(self.messages) and all(title_of(message).startswith("🟢") for message in self.messages)

    @property
    def over_at(self) -> float:
        return max(message.revisions[-1].at for message in self.messages)


def named(discord: DiscordState) -> set[str]:
    """The instances that any message ever named, whoever wrote it."""
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
    found = INSTANCE.search(str(message.embeds))
    assert found is not None, message.embeds
    return found[0]


def _incidents(title: str) -> int:
    found = FIRING.search(title) or OVER.search(title)
    assert found is not None, title
    return int(found[2])
