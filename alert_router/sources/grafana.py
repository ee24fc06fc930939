"""What Grafana says of an alert in its webhook's body, version "1": Alertmanager's form, and more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from alert_router.domain.model import Labels, Signal
from alert_router.sources import alertmanager
from alert_router.sources.alertmanager import Text, WireMessage

SOURCE = "grafana"
VERSION = "1"


def _if_readable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """No alert is lost for what it says beside itself."""
    try:
        return read(value)
    except ValidationError:
        return None


class WireAlert(alertmanager.WireAlert):
    dashboardURL: Annotated[Text | None, WrapValidator(_if_readable)] = None
    panelURL: Annotated[Text | None, WrapValidator(_if_readable)] = None
    values: Annotated[dict[Text, float | None] | None, WrapValidator(_if_readable)] = None
    """By the name of the query or expression; null when the data source failed or had no data."""


def signal(item: Any, wire: WireMessage, now: datetime) -> Signal:
    """Raises ValidationError."""
    alert = WireAlert.model_validate(item)
    annotated = alert.model_copy(update={"annotations": _annotations(alert)})
    return alertmanager.signal_of(annotated, wire, now, source=SOURCE, reporter="Grafana")


def _annotations(alert: WireAlert) -> Labels:
    """With what Grafana says beside them, under the customary names; what the rule says itself goes first."""
    said = {
        "dashboard_url": alert.panelURL or alert.dashboardURL,
        # Beside what the rule says in its own words, never in their place.
        "values": _in_words(alert.values or {}),
    }
    return {name: text for name, text in said.items() if text} | alert.annotations


def _in_words(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in sorted(values.items()) if value is not None)
