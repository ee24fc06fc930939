"""A moment at which something changed: a deployment, a training. Charts show it; no card is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mark:
    at: datetime
    title: str
    """For people: "rf-41 -> rf-42"."""
    labels: Mapping[str, str] = field(default_factory=dict)
