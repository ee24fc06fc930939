"""Grafana's webhook body, version "1": Alertmanager's form with more fields."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from alert_router.domain.model import Labels, Signal
from alert_router.sources import alertmanager
from alert_router.sources.alertmanager import Origin, WireEnvelope, WireText

SOURCE = "grafana"
VERSION = "1"
EXPONENT_FROM = 1e18
EXPONENT_BELOW = 1e-9


def _if_readable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """An optional field of another form does not cost the alert."""
    try:
        return read(value)
    except ValidationError:
        return None


class WireAlert(alertmanager.WireAlert):
    source: ClassVar[str] = SOURCE
    reporter: ClassVar[str] = "Grafana"

    dashboardURL: Annotated[WireText | None, WrapValidator(_if_readable)] = None
    imageURL: Annotated[WireText | None, WrapValidator(_if_readable)] = None
    panelURL: Annotated[WireText | None, WrapValidator(_if_readable)] = None
    values: Annotated[dict[WireText, float | None] | None, WrapValidator(_if_readable)] = None
    """By the name of the query or expression; null when the data source failed or had no data."""

    def to_signal(self, envelope: WireEnvelope, now: datetime, origin: Origin) -> Signal:
        return replace(super().to_signal(envelope, now, origin), annotations=self._all_annotations())

    def _all_annotations(self) -> Labels:
        """Grafana's own fields, under the customary names, below the annotations of the rule itself."""
        own = {
            "dashboard_url": self.panelURL or self.dashboardURL,
            "image_url": self.imageURL,
            "values": _in_words(self.values or {}),
        }
        return {name: text for name, text in own.items() if text} | self.annotations


def _in_words(values: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{name} = {_digits(value)}" for name, value in sorted(values.items()) if value is not None
    )


def _digits(value: float) -> str:
    """All that there are; with an exponent only where the number is beyond ordinary sizes."""
    text = repr(value)
    if "e" in text and EXPONENT_BELOW <= abs(value) < EXPONENT_FROM:
        text = f"{Decimal(text):f}"
    return text.removesuffix(".0")
