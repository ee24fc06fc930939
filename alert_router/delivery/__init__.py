"""Cards out: reconciles what people see in a channel with what is stored."""

from alert_router.delivery.courier import Channel, Clocks, Delivery
from alert_router.delivery.pacer import Pacer

__all__ = ["Channel", "Clocks", "Delivery", "Pacer"]
