"""The whole pipeline: a real model breaks, real rules fire, a card is sent once and resolved."""

import re
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from testbed.demo.__main__ import REAL_DATA
from testbed.demo.model_service import ModelService
from testbed.demo.story import Router, Story
from testbed.factories import SECRET
from testbed.fakes.discord import Message, RunningDiscord, only
from testbed.processes import until
from testbed.running_router import RunningRouter
from testbed.stack import Stack

FACTOR = 60.0


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_broken_model_is_notified_once_and_resolved(
    discord: RunningDiscord, database_url: str, tmp_path: Path
) -> None:
    data = REAL_DATA if REAL_DATA.is_dir() else None
    environment = {
        "DISCORD_WEBHOOK_URL": discord.webhook_url(token=SECRET),
        "ALERT_ROUTER_DATABASE_URL": database_url,
    }

    with (
        Stack(tmp_path, factor=FACTOR, environment=environment, data_folder=data) as stack,
        closing(ModelService(stack.backend_url)) as model,
        closing(Router(stack.router_url)) as router,
        closing(RunningRouter(stack.router, stack.router_url)) as running_router,
    ):
        Story(model, router, print).tell()
        until(lambda: running_router.all_delivered, "all is delivered", within_s=90)
        log = stack.router.log.read_text()
        warned = _has_fired(stack.prometheus_url, "ModelPerformanceWarning")

    assert len(discord.state.creates) == len(discord.state.messages()) == 3
    broken = _card_about(discord, "ModelPerformanceCritical")
    assert broken.revisions[0].shown.embeds[0]["title"].startswith("🔴")
    assert broken.embeds[0]["title"] == "🟢 ModelPerformanceCritical \u2013 resolved"
    assert re.search(r"lasted \d.* · resolved by", _description(broken))
    training = _card_about(discord, "TrainingFailure")
    reporters = training.embeds[0]["footer"]["text"].partition(" · ")[0]
    assert set(reporters.split(", ")) == {"Airflow monitor_and_fine_tune", "Prometheus"}
    assert "Decision: deploy" in _description(training)
    assert "resolved" in training.embeds[0]["title"]
    assert warned, "the warning never fired, so its inhibition was not tested"
    assert "ModelPerformanceWarning" not in str([message.revisions for message in discord.state.messages()])
    assert SECRET not in log


def _has_fired(prometheus_url: str, alertname: str) -> bool:
    query = f'max_over_time(ALERTS{{alertname="{alertname}", alertstate="firing"}}[10m])'
    answer = httpx.get(f"{prometheus_url}/api/v1/query", params={"query": query}, timeout=10).json()
    return bool(answer["data"]["result"])


def _card_about(discord: RunningDiscord, alertname: str) -> Message:
    return only([m for m in discord.state.messages() if alertname in m.embeds[0]["title"]])


def _description(message: Message) -> str:
    return str(message.embeds[0]["description"])
