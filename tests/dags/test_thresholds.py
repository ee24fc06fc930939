import re
import tomllib
from pathlib import Path

import pytest
import yaml

from dags.pipeline import thresholds
from dags.pipeline.thresholds import Thresholds

MONITORING = Path(__file__).parents[2] / "monitoring"
DAY_S = 86_400


def expression_of(alert: str) -> str:
    files = (yaml.safe_load((MONITORING / name).read_text()) for name in ("alerts.yml", "meta_rules.yml"))
    rules = (rule for file in files for group in file["groups"] for rule in group["rules"])
    [expr] = [rule["expr"] for rule in rules if rule.get("alert") == alert]
    return str(expr)


def limit_of(alert: str) -> float:
    """The number an alert's expression compares with at its end."""
    expr = expression_of(alert)
    match = re.search(r"[<>]\s*([\d.]+)\s*$", expr)
    assert match, expr
    return float(match[1])


def test_thresholds_equal_those_of_the_alert_rules() -> None:
    limits = thresholds.load()

    assert limits.r2_critical == limit_of("ModelPerformanceCritical")
    assert limits.r2_warning == limit_of("ModelPerformanceWarning")
    assert limits.drift_share == limit_of("HighDrift")


@pytest.mark.parametrize(
    ("alert", "name"),
    [("DataStale", "data_days"), ("ModelScoreStale", "score_days"), ("ChampionStale", "champion_days")],
)
def test_stale_thresholds_equal_those_of_the_rules(alert: str, name: str) -> None:
    days = tomllib.loads(thresholds.FILE.read_text())["stale"][name]

    limits = re.findall(rf"> (\d+) \* {DAY_S}\b", expression_of(alert))

    assert set(limits) == {str(days)}


def test_missing_threshold_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text(thresholds.FILE.read_text().replace("r2_warning", "r2_warming"))

    with pytest.raises(KeyError, match="r2_warning"):
        thresholds.load(file)


def test_critical_threshold_above_warning_is_refused() -> None:
    with pytest.raises(ValueError, match="r2_critical"):
        Thresholds(
            r2_critical=0.8,
            r2_warning=0.7,
            rmse=90,
            drift_share=0.5,
            train_rmse=90,
            train_after_days=28,
            score_window_days=7,
            score_min_rows=48,
        )
