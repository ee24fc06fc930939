"""A bad day on many machines: 29 alerts fire and 200 are over, with texts that no page expects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alert_router.domain.matchers import Matcher
from alert_router.store import silences
from alert_router.store.engine import open_store
from alert_router.store.silences import Silence
from alert_router.store.tables import alerts
from testbed.browser import story
from testbed.browser.serving import ServedRouter

LONG = "a_label_value_that_goes_on_and_on_without_any_space_" * 6
HOSTILE = '<img src=x onerror="document.title=\'hurt\'"><script>document.title="hurt"</script>'
RIGHT_TO_LEFT = "ارتفاع معدل الأخطاء في خدمة الدفع \u202eevil"
OVER = 200


@dataclass(frozen=True)
class Kind:
    name: str
    severity: str
    count: int
    """How many of its alerts fire."""
    started: float
    """Minutes ago."""
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    on: str = "instance"


FIRING = (
    Kind("DiskWillFillIn4Hours", "warning", 6, 300, "The disk is full in four hours", {"mountpoint": "/var"}),
    Kind("CertificateExpiresSoon", "info", 3, 280, "The certificate expires in 12 days", on="host"),
    Kind("QueueGrows", "warning", 2, 240, "Jobs wait for more than 10 minutes", on="queue"),
    Kind("BackupIsOld", "error", 2, 200, "The last backup is 31 hours old", {"database": "counters"}),
    Kind(LONG, "warning", 1, 190, LONG, {"long": LONG, "another_" + LONG[:80]: LONG}),
    Kind(HOSTILE, "info", 1, 180, HOSTILE, {"path": HOSTILE}),
    Kind(RIGHT_TO_LEFT, "warning", 1, 170, RIGHT_TO_LEFT, {"الخدمة": RIGHT_TO_LEFT}),
    Kind("HighDrift", "warning", 1, 120, "57.1 % of the features have drifted", {"model_type": "gbt"}),
    Kind("SensorDead", "warning", 3, 90, "The counter has reported nothing for 6 hours", on="counter"),
    Kind("PredictionLatencyHigh", "error", 2, 45, "95 % of the predictions take up to 6.2 s", on="pod"),
    Kind(
        "ModelPerformanceCritical",
        "critical",
        1,
        36,
        "Model rf no longer explains the traffic: R2 0.588",
        {"model_type": "rf"},
    ),
    Kind(
        "APIErrorRate", "critical", 2, 12, "The model API fails for its callers: 8.4 % of requests", on="pod"
    ),
    Kind("NodeDown", "critical", 1, 6, "The node does not answer", on="instance"),
    Kind("ScrapeSlow", "none", 3, 400, "A scrape takes longer than 10 s", on="job"),
)
NOISE = {"prometheus": "monitoring/k8s", "prometheus_replica": "prometheus-k8s-0", "endpoint": "http"}
PAST = ("APIErrorRate", "HighDrift", "DiskWillFillIn4Hours", "TrainingFailure", "QueueGrows")


def play(router: ServedRouter) -> None:
    """The clock ends at NIGHT. Nobody has heard of APIErrorRate; Ada has the model."""
    for kind in sorted(FIRING, key=lambda kind: -kind.started):
        router.clock.now = story.NIGHT - timedelta(minutes=kind.started)
        router.webhook(*_firing(kind, router.clock.now), group={"alertname": kind.name})
    router.clock.now = story.NIGHT
    for number, resolved in enumerate(_over()):
        router.webhook(resolved, group={"alertname": resolved["labels"]["alertname"], "n": str(number % 40)})
    acknowledge(router, "ModelPerformanceCritical", by="Ada", note="retraining rf, 20 minutes")
    silence(router, "ScrapeSlow", by="Grace Hopper", comment="the new exporter is being rolled out")
    acknowledge(router, "BackupIsOld", by="Grace Hopper", note="")
    router.settle()


def silence(router: ServedRouter, alertname: str, *, by: str, comment: str) -> None:
    """As if Alertmanager's API had said so."""
    matcher = Matcher("alertname", "=", alertname)
    start, end = router.clock.now - timedelta(hours=1), router.clock.now + timedelta(hours=5)
    made = Silence("9f2c6b1e", "http://alertmanager:9093", by, comment, start, end, (matcher,))
    store = open_store(router.database_url)
    with store.write() as conn:
        silences.save(conn, [made])
        conn.execute(sa.update(alerts).where(alerts.c.alertname == alertname).values(suppressed="silenced"))
    store.close()


def acknowledge(router: ServedRouter, alertname: str, **body: str) -> None:
    page = router.http.get("/alerts", params={"alertname": alertname, "status": "firing"}).json()
    url = f"/alerts/{page['alerts'][0]['id']}/acknowledge"
    router.http.post(url, json=body).raise_for_status()


def _firing(kind: Kind, started: datetime) -> Iterator[dict[str, Any]]:
    for number in range(kind.count):
        firing = story.alert(
            kind.name,
            kind.severity,
            "host",
            started + timedelta(seconds=number),
            summary=kind.summary,
            description=f"{kind.summary}, for more than 5 minutes.",
        )
        firing["labels"] |= {kind.on: f"{kind.on}-{number + 1}.example.org", **kind.labels, **NOISE}
        yield firing


def _over() -> Iterator[dict[str, Any]]:
    for number in reversed(range(OVER)):
        started = story.NIGHT - timedelta(minutes=30 + 97 * number)
        name = PAST[number % len(PAST)]
        over = story.alert(
            name,
            ("critical", "warning", "error")[number % 3],
            "host",
            started,
            started + timedelta(minutes=4 + number % 50),
            summary=f"{name} for a while",
            instance=f"node-{number % 9}",
        )
        over["labels"] |= NOISE
        yield over
