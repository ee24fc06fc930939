"""Every reply of Discord is classified: all statuses, and the codes that say more."""

import pytest

from alert_router.discord import responses
from alert_router.discord.responses import ChannelGone, MessageGone, Refusal, Rejected, TryAgain

UNSENT = {408, 502, 503} | set(range(100, 200)) | set(range(300, 400))
"""Discord has not taken the message: a retry cannot create a second one."""
GONE = {401, 403, 404}
LATER = {429}


def expected(status: int) -> type:
    if status in GONE:
        return ChannelGone
    if 400 <= status < 500 and status not in UNSENT | LATER:
        return Rejected
    return TryAgain


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_is_classified(status: int) -> None:
    outcome = responses.classify_error(Refusal(status, None, "why"))

    assert type(outcome) is expected(status)
    assert outcome.reason == f"HTTP {status}: why"
    if isinstance(outcome, TryAgain):
        assert outcome.rate_limited == (status in LATER)
        assert outcome.maybe_sent == (status not in UNSENT | LATER)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param(404, 10008, MessageGone, id="unknown message"),
        pytest.param(400, 10008, MessageGone, id="unknown message, under another status"),
        pytest.param(404, 10015, ChannelGone, id="unknown webhook"),
        pytest.param(404, 10003, ChannelGone, id="unknown channel"),
        pytest.param(401, 50027, ChannelGone, id="invalid webhook token"),
        pytest.param(403, 50013, ChannelGone, id="missing permissions"),
        pytest.param(400, 50035, Rejected, id="invalid form body"),
        pytest.param(400, 50006, Rejected, id="empty message"),
        pytest.param(400, 200000, Rejected, id="blocked by automod"),
        pytest.param(400, 240000, Rejected, id="harmful link"),
        pytest.param(413, 40005, Rejected, id="too large"),
        pytest.param(400, 220001, ChannelGone, id="a forum, which wants a thread"),
        pytest.param(400, 220002, ChannelGone, id="a thread and a name for one"),
        pytest.param(400, 220003, ChannelGone, id="no forum, and a name for a thread"),
        pytest.param(400, 40067, ChannelGone, id="a forum that wants a tag"),
        pytest.param(400, 50083, ChannelGone, id="an archived thread"),
        pytest.param(400, 160005, ChannelGone, id="a locked thread"),
        pytest.param(400, 130000, TryAgain, id="overloaded"),
        pytest.param(503, 130000, TryAgain, id="overloaded, as 503"),
        pytest.param(429, 30046, TryAgain, id="too many edits of old messages"),
        pytest.param(429, 20028, TryAgain, id="the channel's limit"),
        pytest.param(429, 10008, TryAgain, id="a limit, whatever its code"),
    ],
)
def test_every_known_code_is_classified(status: int, code: int, kind: type) -> None:
    outcome = responses.classify_error(Refusal(status, code, ""))

    assert type(outcome) is kind
    assert outcome.reason == f"HTTP {status} code {code}"


def test_rate_limit_reply_has_its_wait() -> None:
    outcome = responses.classify_error(Refusal(429, None, "", retry_after_s=1.5))

    assert outcome == TryAgain("HTTP 429", after_s=1.5, rate_limited=True)
