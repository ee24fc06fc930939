"""Which role each route needs; a route that is not named here needs one too."""

from http import HTTPMethod

from alert_router.domain.access import Role, Roles

EVENTS = "/events"
METRICS = "/metrics"
SEND_TEST = "/-/send-test"
WEBHOOK_PREFIX = "/webhook"
"""A POST to an unknown address that starts like this, such as /webhook, comes from a misconfigured sender."""
INGEST_ROUTES = {
    "/webhooks/alertmanager": "alertmanager",
    "/webhooks/grafana": "grafana",
    EVENTS: "events",
}
PROBES = ("/-/healthy", "/-/ready")
STATIC = "/static/"
ACT_LINKS = "/act/"
"""Their signature is the proof; `web/act_links.py` checks it."""
READING = (HTTPMethod.GET, HTTPMethod.HEAD, HTTPMethod.OPTIONS)
NONE: Roles = frozenset()
SEND: Roles = frozenset({Role.SEND})
READ: Roles = frozenset({Role.READ})
ACT: Roles = frozenset({Role.ACT})


def source_of(path: str) -> str | None:
    """The source by the address of an ingest route; the last part of a webhook's may name a channel."""
    route, _, channel = path.rpartition("/")
    with_channel = INGEST_ROUTES.get(route) if channel and route != EVENTS else None
    return INGEST_ROUTES.get(path) or with_channel


def needed(method: str, path: str, *, public_metrics: bool) -> Roles:
    """One of these roles is enough; without any, the route is for everybody."""
    if path in PROBES or path.startswith((STATIC, ACT_LINKS)) or (path == METRICS and public_metrics):
        return NONE
    if source_of(path) is not None:
        return NONE if method in READING else SEND  # to look there is answered 405
    if path.startswith(WEBHOOK_PREFIX):
        return NONE  # 404, which misconfigured senders must hear
    if path == SEND_TEST and method not in READING:
        return SEND | ACT
    return READ if method in READING else ACT
