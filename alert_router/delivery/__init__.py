"""Cards out: reconciles what people see in a channel with what is stored."""

from alert_router.delivery.rate_limiter import RateLimiter
from alert_router.delivery.worker import Channel, Clocks, DeliveryWorker

__all__ = ["Channel", "Clocks", "DeliveryWorker", "RateLimiter"]
