"""All dashboards, and the files that Grafana reads."""

from pathlib import Path

from monitoring.dashboards import alerting, api, overview, predictions, training
from monitoring.dashboards.description import Dashboard
from monitoring.dashboards.limits import MONITORING

FOLDER = MONITORING / "grafana" / "provisioning" / "dashboards"
ALL: tuple[Dashboard, ...] = (
    overview.DASHBOARD,
    api.DASHBOARD,
    predictions.DASHBOARD,
    training.DASHBOARD,
    alerting.DASHBOARD,
)


def path_of(dashboard: Dashboard) -> Path:
    return FOLDER / f"{dashboard.uid}.json"
