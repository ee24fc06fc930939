"""How fast the model service answers, how much it is asked, how much it takes in."""

from monitoring.dashboards import limits
from monitoring.dashboards.description import Dashboard, Kind, Limits, Panel, Query, Unit
from monitoring.dashboards.selectors import CALLERS, NO_TRAFFIC, quantile

REQUESTS = f"fastapi_request_duration_seconds_bucket{{{CALLERS}}}"
FAILED = f'fastapi_requests_total{{status=~"5..", {CALLERS}}}'
ALL = f"fastapi_requests_total{{{CALLERS}}}"

DASHBOARD = Dashboard(
    uid="api",
    title="API",
    description="Latency, load and ingestion of the model service.",
    time_from="now-24h",
    panels=(
        Panel(
            id=1,
            title="Request latency p50, p95, p99",
            description="From a request's first byte to the answer's last, without /metrics and /health.",
            unit=Unit.SECONDS,
            empty=NO_TRAFFIC,
            queries=tuple(
                Query(quantile(share, REQUESTS), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)
            ),
        ),
        Panel(
            id=2,
            title="Throughput per minute",
            description="Requests answered a minute, by route.",
            unit=Unit.PER_MINUTE,
            queries=(Query(f"sum by (endpoint) (rate({ALL}[$__rate_interval])) * 60", "{{endpoint}}"),),
        ),
        Panel(
            id=3,
            title="Prediction batch sizes",
            description="Rows of one /predict.",
            axis="rows",
            empty=NO_TRAFFIC,
            queries=(
                Query(quantile(0.5, "prediction_batch_rows_bucket"), "p50"),
                Query(quantile(0.95, "prediction_batch_rows_bucket"), "p95"),
                Query(
                    "sum(rate(prediction_batch_rows_sum[$__rate_interval]))"
                    " / sum(rate(prediction_batch_rows_count[$__rate_interval]))",
                    "mean",
                ),
            ),
        ),
        Panel(
            id=4,
            title="Training duration",
            description="The service's mean over 30 days, every outcome and test_mode included; the last"
            " training as the weekly DAG saw it, waiting included.",
            unit=Unit.SECONDS,
            empty="Empty until the first training; the mean while none ended within 30 days.",
            queries=(
                Query(
                    "sum(rate(training_duration_seconds_sum[30d]))"
                    " / sum(rate(training_duration_seconds_count[30d]))",
                    "mean over 30 days",
                ),
                Query("max(bike_training_duration_seconds)", "last by the weekly run"),
            ),
        ),
        Panel(
            id=5,
            title="Ingestion rate",
            description="Rows within a day: sent by the city's API, new or corrected among them, and"
            " stored by the model service.",
            axis="rows a day",
            kind=Kind.LINES,
            queries=(
                Query("sum(increase(bike_api_records_fetched_total[1d]))", "sent by the city"),
                Query("sum(increase(bike_records_ingested_total[1d]))", "new or corrected"),
                Query("sum(increase(observations_stored_total[1d]))", "stored by the model service"),
            ),
        ),
        Panel(
            id=6,
            title="Prediction latency",
            description="Features and model of one /predict, without the HTTP around it."
            " PredictionLatencyHigh fires when p95 is above the line.",
            unit=Unit.SECONDS,
            limits=Limits((limits.of_rule("PredictionLatencyHigh"),)),
            empty=NO_TRAFFIC,
            queries=(
                Query(quantile(0.95, "prediction_latency_seconds_bucket", "5m"), "p95"),
                Query(quantile(0.5, "prediction_latency_seconds_bucket", "5m"), "p50"),
            ),
        ),
        Panel(
            id=7,
            title="Share of requests answered 5xx, by route",
            description="APIErrorRate fires when the share of all is above the line.",
            unit=Unit.RATIO,
            limits=Limits((limits.of_rule("APIErrorRate"),)),
            empty=NO_TRAFFIC,
            queries=(
                Query(f"sum(rate({FAILED}[5m])) / sum(rate({ALL}[5m]))", "all"),
                Query(
                    f"sum by (endpoint) (rate({FAILED}[5m])) / sum by (endpoint) (rate({ALL}[5m]))",
                    "{{endpoint}}",
                ),
            ),
        ),
        Panel(
            id=8,
            title="Answers by status",
            description="Answers a minute, by status code.",
            unit=Unit.PER_MINUTE,
            queries=(Query(f"sum by (status) (rate({ALL}[$__rate_interval])) * 60", "{{status}}"),),
        ),
        Panel(
            id=9,
            title="Duration of the daily calls",
            description="Of the newest daily runs: the fetch from the city, and the forecast by the model"
            " service.",
            unit=Unit.SECONDS,
            empty="Empty until the first run of the DAG.",
            queries=(
                Query("max(bike_ingestion_duration_seconds)", "fetch"),
                Query("max(bike_prediction_api_duration_seconds)", "forecast"),
            ),
        ),
        Panel(
            id=10,
            title="Rows known already",
            description="Share of the rows sent by the city in the newest fetch that were known already.",
            unit=Unit.RATIO,
            empty="Empty until the first run of the daily fetch.",
            queries=(Query("max(bike_deduplication_ratio)", "known already"),),
        ),
        Panel(
            id=11,
            title="Poll of Airflow",
            description="How long the exporter's last poll of Airflow took.",
            unit=Unit.SECONDS,
            queries=(Query("max(airflow_exporter_refresh_duration_seconds)", "poll"),),
        ),
    ),
)
