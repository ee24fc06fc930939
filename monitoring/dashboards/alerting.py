"""The router itself: what it receives, what it sends, and what waits."""

from monitoring.dashboards import limits
from monitoring.dashboards.description import Dashboard, Kind, Limits, Panel, Query, Unit
from monitoring.dashboards.selectors import UP_DOWN, quantile

# Two routers on one database count the same rows: max, not sum, of what is read from the tables.

DASHBOARD = Dashboard(
    uid="alerting",
    title="Alerting",
    description="The alert router: what it receives, what it sends to Discord, and what waits.",
    time_from="now-24h",
    panels=(
        Panel(
            id=1,
            title="Alerts firing now",
            description="Alerts that the router knows to fire.",
            kind=Kind.STAT,
            width=4,
            limits=Limits((1,)),
            queries=(Query("max(alert_router_alerts_firing)", "firing"),),
        ),
        Panel(
            id=2,
            title="Cards by state",
            description="Cards, by the state of their delivery. A dead letter is kept until it is replayed"
            " or dropped.",
            axis="cards",
            width=10,
            queries=(Query("max by (state) (alert_router_cards)", "{{state}}"),),
        ),
        Panel(
            id=3,
            title="Age of the oldest waiting card",
            description="0 while none waits. AlertRouterCardsWaiting fires above the line.",
            unit=Unit.SECONDS,
            limits=Limits((limits.of_rule("AlertRouterCardsWaiting"),)),
            width=10,
            queries=(Query("max(alert_router_oldest_pending_card_age_seconds)", "oldest"),),
        ),
        Panel(
            id=4,
            title="Webhooks a minute, by source and answer",
            description="Requests to the ingest routes. What was answered 4xx is lost:"
            " AlertRouterRefusesWebhooks.",
            unit=Unit.PER_MINUTE,
            queries=(
                Query(
                    "sum by (source, code)"
                    " (rate(alert_router_webhook_requests_total[$__rate_interval])) * 60",
                    "{{source}} {{code}}",
                ),
            ),
        ),
        Panel(
            id=5,
            title="Signals a minute",
            description="Alerts and events received, by source; a duplicate changes nothing.",
            axis="signals a minute",
            queries=(
                Query(
                    "sum by (source, outcome) (rate(alert_router_signals_total[$__rate_interval])) * 60",
                    "{{source}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            id=6,
            title="Quarantine",
            description="What could not be parsed: stored now, and new within an hour, by source. Alerts"
            " that a source left out of its webhooks (max_alerts) were never received. Links that people"
            " cannot open are shown as text.",
            axis="bodies, alerts, links",
            limits=Limits((1,)),
            queries=(
                Query("max(alert_router_quarantine_size)", "stored"),
                Query("sum by (source) (increase(alert_router_quarantined_total[1h]))", "{{source}}"),
                Query("sum(increase(alert_router_truncated_alerts_total[1h]))", "left out by the source"),
                Query(
                    "sum by (link) (increase(alert_router_unreachable_links_total[1h]))", "no link: {{link}}"
                ),
            ),
        ),
        Panel(
            id=7,
            title="Requests to channels a minute",
            description="By channel, action and outcome. `sent` is what Discord has taken.",
            unit=Unit.PER_MINUTE,
            width=12,
            queries=(
                Query(
                    "sum by (channel, action, outcome)"
                    " (rate(alert_router_deliveries_total[$__rate_interval])) * 60",
                    "{{channel}} {{action}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            id=8,
            title="Duration of a request to a channel",
            description="As Discord answers; waits for the rate limit are not in it.",
            unit=Unit.SECONDS,
            width=12,
            empty="Gaps while nothing is sent: a quantile of nothing has no value.",
            queries=(
                Query(quantile(0.5, "alert_router_delivery_duration_seconds_bucket"), "p50"),
                Query(quantile(0.95, "alert_router_delivery_duration_seconds_bucket"), "p95"),
            ),
        ),
        Panel(
            id=9,
            title="Channels and database",
            description="Whether each channel takes messages, each router can use its database, and its last"
            " reload of the configuration succeeded.",
            kind=Kind.STATES,
            unit=Unit.STATE,
            texts=UP_DOWN,
            width=12,
            queries=(
                Query("min by (channel) (alert_router_channel_up)", "{{channel}}"),
                Query("max by (instance) (alert_router_store_up)", "database of {{instance}}"),
                Query(
                    "min by (instance) (alert_router_config_last_reload_successful)",
                    "configuration of {{instance}}",
                ),
            ),
        ),
        Panel(
            id=10,
            title="Ledger",
            description="Cards of incidents in the main channel: wanted = delivered + pending + dead,"
            " always.",
            axis="cards",
            width=12,
            queries=(Query("max by (account) (alert_router_ledger)", "{{account}}"),),
        ),
        Panel(
            id=11,
            title="Notifications by Alertmanager a minute",
            description="By integration: webhook is the way to the router, slack the second path. What"
            " failed is sent again.",
            axis="notifications a minute",
            width=12,
            queries=(
                Query(
                    "sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval])) * 60",
                    "{{integration}}",
                ),
                Query(
                    "sum by (integration)"
                    " (rate(alertmanager_notifications_failed_total[$__rate_interval])) * 60",
                    "{{integration}} failed",
                ),
            ),
        ),
        Panel(
            id=12,
            title="Age of the configuration",
            description="Since each router last loaded its configuration with success. A reload of a bad"
            " file keeps the old one.",
            unit=Unit.SECONDS,
            width=12,
            queries=(
                Query(
                    "time() - max by (instance) (alert_router_config_last_reload_success_timestamp_seconds)",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            id=13,
            title="Charts a minute",
            description="Pictures for cards, by what came of them. A card is never later because of its"
            " picture.",
            unit=Unit.PER_MINUTE,
            width=12,
            queries=(
                Query(
                    "sum by (result) (rate(alert_router_charts_total[$__rate_interval])) * 60", "{{result}}"
                ),
            ),
        ),
        Panel(
            id=14,
            title="Size of the database",
            description="What is past its retention is removed in small steps; `free` is used again.",
            unit=Unit.BYTES,
            width=12,
            queries=(Query("max by (part) (alert_router_database_bytes)", "{{part}}"),),
        ),
    ),
)
