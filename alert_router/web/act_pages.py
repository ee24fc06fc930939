"""What the pages of signed links show."""

from dataclasses import dataclass
from datetime import datetime

from alert_router.store.acts import Act, Kind
from alert_router.web.pages import Page


@dataclass(frozen=True, slots=True)
class Subject:
    """What fires in the incident."""

    alert_id: int | None
    """The worst; None once nothing fires."""
    title: str
    firing: int
    since: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class ActPage(Page):
    kind: Kind
    subject: Subject
    matchers: tuple[str, ...]
    """Of the silence that the button makes."""
    zone: str
    """Of "until 9:00"."""
    name: str
    """As given last time, on this device."""


@dataclass(frozen=True, slots=True)
class DonePage(Page):
    act: Act | None
    subject: Subject
    undo: str
    """The page that takes it back; empty where there is none."""
