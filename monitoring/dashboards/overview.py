"""Is all well? The first dashboard to open."""

from monitoring.dashboards import limits
from monitoring.dashboards.description import Dashboard, Kind, Limits, Panel, Query, Unit
from monitoring.dashboards.selectors import (
    CALLERS,
    DRIFT_LIMITS,
    NO_TRAFFIC,
    OF_MODEL,
    R2_LIMITS,
    UP_DOWN,
    YES_NO,
)

DAY_S = 86_400

DASHBOARD = Dashboard(
    uid="overview",
    title="Overview",
    description="Whether the model, the data, the API and the pipeline are well.",
    time_from="now-24h",
    panels=(
        Panel(
            id=1,
            title="Requests per second",
            description="Requests that the model API answered. Without /metrics and /health.",
            kind=Kind.LINES,
            unit=Unit.PER_SECOND,
            queries=(
                Query(
                    f"sum by (endpoint) (rate(fastapi_requests_total{{{CALLERS}}}[$__rate_interval]))",
                    "{{endpoint}}",
                ),
            ),
        ),
        Panel(
            id=2,
            title="Error rate, 4xx and 5xx",
            description="Share of the model API's answers that were errors: 4xx of the caller, 5xx of the"
            " service.",
            unit=Unit.RATIO,
            limits=Limits((limits.of_rule("APIErrorRate"),)),
            empty=NO_TRAFFIC,
            queries=(
                Query(
                    f'sum(rate(fastapi_requests_total{{status=~"4..", {CALLERS}}}[$__rate_interval]))'
                    f" / sum(rate(fastapi_requests_total{{{CALLERS}}}[$__rate_interval]))",
                    "4xx",
                ),
                Query(
                    f"sum(rate(fastapi_errors_total{{{CALLERS}}}[$__rate_interval]))"
                    f" / sum(rate(fastapi_requests_total{{{CALLERS}}}[$__rate_interval]))",
                    "5xx",
                ),
            ),
        ),
        Panel(
            id=3,
            title="Alerts firing",
            description="Alerts that the router knows to fire now, from every source.",
            kind=Kind.STAT,
            limits=Limits((1,)),
            width=4,
            queries=(Query("max(alert_router_alerts_firing)", "firing"),),
        ),
        Panel(
            id=4,
            title="Drift detected",
            description="Whether the last measurement found drift: by the model service, and by the weekly"
            " DAG.",
            kind=Kind.STAT,
            unit=Unit.STATE,
            texts=YES_NO,
            empty="Empty until drift was measured for the first time.",
            width=4,
            queries=(
                Query("max(drift_detected)", "model service"),
                Query("max(drift_detected_last_run)", "weekly run"),
            ),
        ),
        Panel(
            id=5,
            title="Drift share",
            description="Share of the compared counters that have drifted. HighDrift fires above the line.",
            unit=Unit.RATIO,
            limits=DRIFT_LIMITS,
            empty="Empty until drift was measured for the first time.",
            queries=(
                Query("max(drift_share)", "model service"),
                Query("max(bike_drift_share)", "weekly run"),
            ),
        ),
        Panel(
            id=6,
            title="Production R2",
            description="R2 of the champion, by the model service's last evaluation and by the weekly DAG."
            " The lines are the thresholds of the performance alerts.",
            unit=Unit.SCORE,
            limits=R2_LIMITS,
            empty="Empty until a champion was evaluated for the first time.",
            queries=(
                Query(f"min by (model_type) (model_r2_score{{{OF_MODEL}}})", "{{model_type}}"),
                Query("max(bike_model_r2_production)", "weekly run"),
            ),
        ),
        Panel(
            id=7,
            title="Age of the newest count",
            description="Time since the beginning of the newest hour with a count: known to the model"
            " service, and known to the daily fetch. DataStale fires above the line.",
            unit=Unit.AGE,
            limits=Limits((limits.of_pipeline().data_days * DAY_S,)),
            empty="The model service's line is absent until the first count; the last line, after it.",
            queries=(
                Query("time() - max(observations_newest_timestamp_seconds)", "model service"),
                Query("time() - max(bike_newest_hour_timestamp_seconds)", "daily fetch"),
                # As in DataStale: a fetch a day.
                Query(
                    '86400 * sum(airflow_dag_runs_total{dag_id="daily_fetch_bike_data", state="success"})'
                    " unless on () observations_newest_timestamp_seconds",
                    "no count yet, a day for each fetch",
                ),
            ),
        ),
        Panel(
            id=8,
            title="DAG run status over 7 days",
            description="Runs that ended within a day, by DAG and outcome. The exporter counts each run"
            " once.",
            kind=Kind.BARS,
            axis="runs a day",
            time_from="7d",
            width=16,
            queries=(
                Query(
                    "sum by (dag_id, state) (increase(airflow_dag_runs_total[1d]))",
                    "{{dag_id}} {{state}}",
                ),
            ),
        ),
        Panel(
            id=9,
            title="Time since a run last succeeded",
            description="By DAG. PipelineStale fires after 26 h for the daily DAGs, after 8 days for the"
            " weekly one.",
            unit=Unit.AGE,
            empty="A DAG has no line before its first success.",
            queries=(
                Query("time() - max by (dag_id) (airflow_dag_last_success_timestamp_seconds)", "{{dag_id}}"),
            ),
        ),
        Panel(
            id=10,
            title="Scrape targets",
            description="Whether Prometheus can scrape each job, and whether the exporter reaches Airflow.",
            kind=Kind.STATES,
            unit=Unit.STATE,
            texts=UP_DOWN,
            queries=(
                Query("min by (job) (up)", "{{job}}"),
                Query("max(airflow_up)", "Airflow, by its exporter"),
                Query("max(airflow_exporter_refresh_ok)", "last poll of Airflow complete"),
            ),
        ),
        Panel(
            id=11,
            title="Active DAG runs",
            description="Runs that are queued or running. A queue that never empties is a scheduler that"
            " stands still.",
            axis="runs",
            queries=(Query("sum by (dag_id, state) (airflow_dag_active_runs)", "{{dag_id}} {{state}}"),),
        ),
        Panel(
            id=12,
            title="Age of the running DAG run",
            description="How long the longest of the running runs has run.",
            unit=Unit.AGE,
            empty="Empty while no run is running, which is most of the day.",
            queries=(Query("max by (dag_id) (airflow_dag_run_running_age_seconds)", "{{dag_id}}"),),
        ),
    ),
)
