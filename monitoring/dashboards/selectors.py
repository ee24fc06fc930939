"""What several dashboards select and say alike."""

from monitoring.dashboards import limits
from monitoring.dashboards.description import Limits

CALLERS = 'endpoint!~"/(metrics|health)"'
"""Requests of callers: Prometheus's scrapes and the health checks would hide their errors."""
OF_MODEL = 'model_type=~"$model_type"'
UP_DOWN = (("0", "down", "red"), ("1", "up", "green"))
YES_NO = (("0", "NO", "green"), ("1", "YES", "orange"))
NO_TRAFFIC = "Gaps while nothing is requested: a share or a quantile of nothing has no value."

R2_LIMITS = Limits((limits.of_pipeline().r2_critical, limits.of_pipeline().r2_warning), bad_below=True)
RMSE_LIMITS = Limits((limits.of_pipeline().rmse,))
DRIFT_LIMITS = Limits((limits.of_pipeline().drift_share,))


def quantile(share: float, buckets: str, window: str = "$__rate_interval") -> str:
    """Of a histogram, over all its labels. buckets: the selector of the `_bucket` series."""
    return f"histogram_quantile({share}, sum by (le) (rate({buckets}[{window}])))"
