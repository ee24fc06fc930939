"""What the template of a digest sees."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from alert_router.discord import alert_facts, members
from alert_router.discord.markdown import Markdown, escape, link
from alert_router.domain.model import Alert, DigestState
from alert_router.domain.severity import shown_word

MAX_COUNTS = 14
MAX_ALERTS = 6


@dataclass(frozen=True)
class DigestView:
    state: DigestState
    all_url: str
    noise: Collection[str] = frozenset()

    def values(self) -> dict[str, Any]:
        """By the names that templates use."""
        state = self.state
        return {
            "digest": state,
            "counts": state.counts[:MAX_COUNTS],
            "more_counts": self._more(len(state.counts) - MAX_COUNTS, "names"),
            "members": [self._line(alert) for alert in state.alerts[:MAX_ALERTS]],
            "more": self._more(state.total - len(state.alerts[:MAX_ALERTS]), "alerts"),
            "text_of": alert_facts.text_of,
            "shown_word": shown_word,
            "hidden": alert_facts.HIDDEN,
            "all_url": self.all_url,
        }

    def _line(self, alert: Alert) -> Markdown:
        own = members.own_labels(alert, {}, self.noise)
        return Markdown(
            " ".join(
                [alert_facts.sign(alert), escape(alert.alertname.strip() or "Alert"), *members.chips(own)]
            )
        )

    def _more(self, count: int, what: str) -> Markdown:
        if count <= 0:
            return Markdown()
        return Markdown(f"… and {link(f'{count} more {what}', self.all_url)}")
