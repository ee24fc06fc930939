"""What the routes are made of: handed to them by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from alert_router.intake import Intake
from alert_router.settings import Settings
from alert_router.store.engine import Store
from alert_router.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    store: Store
    intake: Intake
    metrics: Metrics
    now: Callable[[], datetime]
    checks: Callable[[], Mapping[str, str]]
    """What is not ready, by the name of the part, in words; empty when all is well."""
