"""Values, limits and charts through a real Prometheus and a real process that draws."""

import io
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from PIL import Image

from monitoring.scaled import write_scaled
from testbed import stack
from testbed.factories import webhook_json, wire_alert
from testbed.fakes.discord import Message, RunningDiscord
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.running_router import AUTH, RunningRouter

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
FACTOR = 300.0
LIMITS = {
    "ModelPerformanceCritical": "0.65",
    "ModelPerformanceWarning": "0.7",
    "HighDrift": "50 %",
    "APIErrorRate": "5 %",
    "TrainingFailure": "0",
    "PredictionLatencyHigh": "5 s",
}
DEPLOYED = "rf-41 -> rf-42"
MAX_RSS_MB = 150
WITHIN_S = 90.0


@dataclass(slots=True)
class Service:
    """What the model service exports: well, then badly."""

    broken: bool = False
    r2: float = 0.82
    scrapes: int = 0
    _counts: dict[str, float] = field(
        default_factory=lambda: {"good": 0.0, "bad": 0.0, "slow": 0.0, "failed": 0}
    )

    def metrics(self) -> str:
        self.scrapes += 1
        self._counts["good"] += 90 if self.broken else 100
        self._counts["bad"] += 10 if self.broken else 0
        self._counts["slow"] += 10 if self.broken else 0
        self._counts["failed"] += 1 if self.broken else 0
        counts = self._counts
        return "\n".join(
            (
                f'model_r2_score{{model_type="rf"}} {self.r2}',
                f"drift_share {0.9 if self.broken else 0.1}",
                f'fastapi_requests_total{{endpoint="/predict",status="200"}} {counts["good"]}',
                f'fastapi_requests_total{{endpoint="/predict",status="500"}} {counts["bad"]}',
                f'training_runs_total{{model_type="rf",status="failure"}} {counts["failed"]}',
                'training_runs_total{model_type="rf",status="success"} 1',
                f'prediction_latency_seconds_bucket{{le="1"}} {counts["good"]}',
                f'prediction_latency_seconds_bucket{{le="20"}} {counts["good"] + counts["slow"]}',
                f'prediction_latency_seconds_bucket{{le="+Inf"}} {counts["good"] + counts["slow"]}',
                "",
            )
        )


@contextmanager
def serving(answer: Callable[[], str]) -> Iterator[int]:
    """The port of a server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def start_router(
    tmp_path: Path, discord: RunningDiscord, start: Callable[[Process], Process]
) -> Iterator[Callable[[str], RunningRouter]]:
    """Called with the URL of Prometheus."""
    with ExitStack() as routers:

        def started(prometheus_url: str) -> RunningRouter:
            port = free_port()
            program = stack.router(
                tmp_path,
                port,
                {
                    "DISCORD_WEBHOOK_URL": discord.webhook_url(),
                    "ALERT_ROUTER_CHANNEL_PER_MINUTE": "100000",
                    "PROMETHEUS_URL": prometheus_url,
                },
            )
            start(program)
            return routers.enter_context(closing(RunningRouter(program, stack.local(port))))

        yield started


def test_six_rules_have_charts_with_limit_and_deployment(
    start_router: Callable[[str], RunningRouter],
    discord: RunningDiscord,
    start: Callable[[Process], Process],
    tmp_path: Path,
) -> None:
    service = Service()
    prometheus_port, alertmanager_port = free_port(), free_port()
    router = start_router(stack.local(prometheus_port))
    with serving(service.metrics) as port:
        config = write_scaled(
            tmp_path / "config",
            factor=FACTOR,
            targets={"backend": f"127.0.0.1:{port}"},
            alertmanagers=[f"127.0.0.1:{alertmanager_port}"],
            router_url=router.url,
            token=stack.TOKEN,
        )
        start(stack.alertmanager(tmp_path, config.alertmanager, alertmanager_port))
        start(stack.prometheus(tmp_path, config.prometheus, prometheus_port))
        until(lambda: service.scrapes > 5, "Prometheus has scraped the good times", within_s=30)
        _deploy(router)
        service.broken, service.r2 = True, 0.68
        # Once it is critical, Alertmanager inhibits the warning.
        until(
            lambda: "ModelPerformanceWarning" in _drawn(discord), "the warning has a chart", within_s=WITHIN_S
        )
        service.r2 = 0.31

        until(lambda: _drawn(discord).keys() >= LIMITS.keys(), "six cards have charts", within_s=WITHIN_S)

        limits = {name: _limit(picture) for name, picture in _drawn(discord).items()}
        assert limits == LIMITS
        assert all(DEPLOYED in _description(picture) for picture in _drawn(discord).values())
        assert _measured(tmp_path) == LIMITS
        assert all(f"before: {DEPLOYED}" in text for text in _texts(discord))
        assert _rss_mb(router.program) < MAX_RSS_MB
        _kill_the_drawer(router.program)
        service.broken, service.r2 = False, 0.82
        until(lambda: _all_are_over(router), "all are over", within_s=WITHIN_S)
        until(lambda: router.all_delivered, "all is delivered", within_s=30)


def _deploy(router: RunningRouter) -> None:
    event = {
        "type": "event",
        "status": "info",
        "mark": True,
        "name": DEPLOYED,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    httpx.post(f"{router.url}/events", json=event, headers=AUTH).raise_for_status()


def _name(message: Message) -> str:
    title = str(message.embeds[0].get("title", "")) if message.embeds else ""
    return next((name for name in LIMITS if name in title), title)


def _drawn(discord: RunningDiscord) -> Mapping[str, bytes]:
    messages = [message for message in discord.state.messages() if message.attachments]
    return {_name(message): message.attachments[0].content for message in messages}


def _texts(discord: RunningDiscord) -> list[str]:
    """Of the cards, without their markdown's escapes."""
    return [
        str(message.embeds).replace("\\", "") for message in discord.state.messages() if message.attachments
    ]


def _measured(folder: Path) -> dict[str, str]:
    """The limits of the alerts that have a value."""
    query = """SELECT alertname, "limit" FROM measures JOIN alerts ON id = alert_id WHERE value <> ''"""
    with closing(sqlite3.connect(folder / "alert_router.db")) as database:
        return dict(database.execute(query).fetchall())


def _description(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        return str(image.info["Description"])


def _limit(picture: bytes) -> str:
    return _description(picture).partition(";")[0].removeprefix("limit ")


def _all_are_over(router: RunningRouter) -> bool:
    return {alert["status"] for alert in router.alerts() if alert["alertname"] != "TrainingFailure"} == {
        "resolved"
    }


def _rss_mb(program: Process) -> float:
    status = Path(f"/proc/{program.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def _kill_the_drawer(program: Process) -> None:
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("answer_s", [None, 30.0], ids=["away", "slow"])
def test_card_is_sent_while_prometheus_does_not_answer(
    start_router: Callable[[str], RunningRouter], discord: RunningDiscord, answer_s: float | None
) -> None:
    answered: list[float] = []
    with ExitStack() as parts:
        port = free_port()
        if answer_s is not None:
            port = parts.enter_context(serving(lambda: _late(answered, answer_s)))
        router = start_router(stack.local(port))

        body = webhook_json(
            wire_alert(generatorURL="http://prometheus.example.org/graph?g0.expr=up+%3D%3D+0")
        )
        httpx.post(f"{router.url}/webhooks/alertmanager", json=body, headers=AUTH).raise_for_status()

        until(lambda: bool(discord.state.messages()), "the card is sent", within_s=20)
        assert answered == []


def _late(answered: list[float], seconds: float) -> str:
    Event().wait(seconds)
    answered.append(seconds)
    return "{}"
