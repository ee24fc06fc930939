"""Cards as pages show them: a signed link is a proof for who gets the message, not for who may read pages."""

import re
from dataclasses import replace
from typing import Any

from alert_router.store.preview import PreviewCard
from alert_router.web.routes_access import ACT_LINKS

_SIGNED = re.compile(rf"{re.escape(ACT_LINKS)}[\w.-]+")


def without_signatures(card: PreviewCard) -> PreviewCard:
    """Signed links lead to the incident's page instead, where a role decides who may act."""
    page = f"/incidents/{card.incident_id}" if card.incident_id is not None else "/alerts"
    return replace(card, body=_replaced(card.body, page))


def _replaced(value: Any, page: str) -> Any:
    if isinstance(value, str):
        return _SIGNED.sub(page, value)
    if isinstance(value, list):
        return [_replaced(item, page) for item in value]
    if isinstance(value, dict):
        return {name: _replaced(item, page) for name, item in value.items()}
    return value
