"""Cards out: makes what people see in a channel equal to what is stored."""

from alert_router.delivery.connection import Channel
from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.delivery.worker import Clocks, DeliveryWorker

__all__ = ["Channel", "Clocks", "DeliveryWorker", "RateLimiter"]
