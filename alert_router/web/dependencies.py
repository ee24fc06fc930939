"""What the routes are made of: handed to them by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from alert_router.services.health import Health
from alert_router.services.intake import Intake
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
    examine: Callable[[], Health]
    """Asks the database: not for the event loop."""
    wake: Callable[[], None]
    """Have the cards looked at now."""
