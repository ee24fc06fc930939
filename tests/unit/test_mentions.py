"""Only the route's people are mentioned, whatever an alert's labels say."""

import pytest

from alert_router.discord.embeds import Renderer
from alert_router.discord.templates import Templates
from alert_router.domain.model import Announcement, Mentions
from alert_router.domain.notify_values import Reason
from testbed.factories import make_alert, make_state
from testbed.fakes.discord.mentions import Pings, pings

LABELS = {"alertname": "DiskFull", "severity": "critical"}
ROLE = Mentions(roles=("777",))


@pytest.mark.parametrize("text", ["888", "<@&888>", "@here", "role:888"])
@pytest.mark.parametrize("name", ["role", "roles", "mention", "mentions", "alertname", "summary"])
def test_text_of_an_alert_mentions_nobody(name: str, text: str) -> None:
    alert = make_alert({**LABELS, name: text}, annotations={name: text})
    state = make_state(alert, announcement=Announcement(Reason.FIRST, news=(1,), mentions=ROLE))

    payload = Renderer(Templates(), "https://router.example.org").render(state).payload

    assert pings([payload["content"]], payload["allowed_mentions"]) == Pings(roles=("777",))
    assert payload["allowed_mentions"] == {"parse": [], "roles": ["777"], "users": []}
