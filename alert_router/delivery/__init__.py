"""Cards out: reconciles what people see in a channel with what is stored."""

from alert_router.delivery.rate_limiter import Pacer
from alert_router.delivery.worker import Channel, Clocks, Delivery

__all__ = ["Channel", "Clocks", "Delivery", "Pacer"]
