from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.durations import duration, seconds, shorter
from monitoring.scaled import ScaledPaths, scaled_expression, write_scaled
from testbed.monitoring.programs import run
from testbed.monitoring.shipped import MONITORING, read

TARGETS = {"backend": "127.0.0.1:18000", "alert-router": "127.0.0.1:18010"}


def write(folder: Path, **changes: Any) -> ScaledPaths:
    arguments: dict[str, Any] = {
        "factor": 60,
        "targets": TARGETS,
        "alertmanagers": ["127.0.0.1:19093", "127.0.0.1:19094"],
        "router_url": "http://127.0.0.1:18010/",
        "token": "secret-of-the-demo",
    }
    return write_scaled(folder, **{**arguments, **changes})


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    ("text", "length_s"),
    [("15s", 15), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1d", 86400), ("0s", 0)],
)
def test_duration_is_parsed(text: str, length_s: float) -> None:
    assert seconds(text) == length_s


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5x", "-5m", "abc"])
def test_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Prometheus duration"):
        seconds(text)


@pytest.mark.parametrize("length_s", [0, 0.001, 0.25, 1, 1.5, 90, 86400])
def test_duration_round_trip(length_s: float) -> None:
    assert seconds(duration(length_s)) == length_s


@pytest.mark.parametrize(
    ("text", "factor", "floor_s", "result"),
    [
        ("5m", 60, 1, "5s"),
        ("5m", 1000, 1, "1s"),
        ("0s", 60, 1, "0s"),
        ("500ms", 60, 1, "500ms"),
        ("5m", 1, 1, "300s"),
    ],
)
def test_duration_is_shortened_down_to_the_floor(
    text: str, factor: float, floor_s: float, result: str
) -> None:
    assert shorter(text, factor=factor, floor_s=floor_s) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("rate(x[5m]) > 5", "rate(x[5s]) > 5"),
        # two samples in every window, however large the factor
        ("increase(x[2m])", "increase(x[4s])"),
        ("max_over_time(increase(x[2m])[6h:15s])", "max_over_time(increase(x[4s])[360s:1s])"),
        ("max_over_time(x[6h:])", "max_over_time(x[360s:])"),
        ('x{status=~"5.."} > 0.05', 'x{status=~"5.."} > 0.05'),
    ],
)
def test_only_windows_and_steps_are_scaled(expression: str, result: str) -> None:
    assert scaled_expression(expression, factor=60) == result


def test_rules_keep_everything_but_times(tmp_path: Path) -> None:
    paths = write(tmp_path)

    for shipped, copy in zip(
        read("alerts.yml")["groups"][0]["rules"], load(paths.alerts)["groups"][0]["rules"], strict=True
    ):
        untimed = {"alert", "labels", "annotations"}
        assert {key: copy[key] for key in untimed} == {key: shipped[key] for key in untimed}
        assert copy.get("for") == (f"{seconds(shipped['for']) / 60:.0f}s" if "for" in shipped else None)


@pytest.mark.parametrize("factor", [1, 60, 10_000])
def test_scaled_files_are_valid(tmp_path: Path, factor: float) -> None:
    paths = write(tmp_path, factor=factor, meta=True, second_path_url="http://127.0.0.1:9/slack")

    output = run("promtool", "check", "config", paths.prometheus)
    run("amtool", "check-config", paths.alertmanager)

    assert "2 rule files found" in output


def test_scaled_prometheus_has_only_the_given_targets(tmp_path: Path) -> None:
    config = load(write(tmp_path).prometheus)

    assert {job["job_name"]: job["static_configs"] for job in config["scrape_configs"]} == {
        name: [{"targets": [target]}] for name, target in TARGETS.items()
    }
    assert config["global"] == {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    assert config["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["127.0.0.1:19093", "127.0.0.1:19094"]}]}
    ]


def test_unknown_job_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no job \['backnd'\], only .*'backend'"):
        write(tmp_path, targets={"backnd": "127.0.0.1:1"})


def test_routes_are_kept_and_scaled(tmp_path: Path) -> None:
    shipped, copy = read("alertmanager.yml"), load(write(tmp_path).alertmanager)

    assert copy["inhibit_rules"] == shipped["inhibit_rules"]
    assert copy["route"]["group_by"] == shipped["route"]["group_by"]
    assert [route["matchers"] for route in copy["route"]["routes"]] == [
        route["matchers"] for route in shipped["route"]["routes"]
    ]
    times = {key: seconds(copy["route"][key]) for key in ("group_wait", "group_interval", "repeat_interval")}
    assert times == {"group_wait": 1, "group_interval": 1, "repeat_interval": 240}


def test_scaled_heartbeat_repeats_before_every_flush(tmp_path: Path) -> None:
    heartbeat = load(write(tmp_path).alertmanager)["route"]["routes"][0]

    assert heartbeat["receiver"] == "router-heartbeat"
    assert seconds(heartbeat["repeat_interval"]) < seconds(heartbeat["group_interval"]) == 1


def test_token_is_in_a_private_file(tmp_path: Path) -> None:
    paths = write(tmp_path)

    receivers = {receiver["name"]: receiver for receiver in load(paths.alertmanager)["receivers"]}
    for name in ("router", "router-heartbeat"):
        [webhook] = receivers[name]["webhook_configs"]
        assert webhook["url"] == "http://127.0.0.1:18010/webhooks/alertmanager"
        token = Path(webhook["http_config"]["authorization"]["credentials_file"])
        assert token.read_text() == "secret-of-the-demo"
        assert token.stat().st_mode & 0o077 == 0
    assert receivers["second-path"] == {"name": "second-path"}
    assert "secret-of-the-demo" not in paths.alertmanager.read_text()


def test_no_credential_without_a_token(tmp_path: Path) -> None:
    paths = write(tmp_path, token=None)

    assert "http_config" not in paths.alertmanager.read_text()
    assert not (tmp_path / "router_token").exists()


def test_meta_rules_are_optional(tmp_path: Path) -> None:
    without, with_them = write(tmp_path / "a"), write(tmp_path / "b", meta=True)

    assert without.meta_rules is None
    assert load(without.prometheus)["rule_files"] == ["alerts.yml"]
    assert load(with_them.prometheus)["rule_files"] == ["alerts.yml", "meta_rules.yml"]
    assert with_them.meta_rules == tmp_path / "b" / "meta_rules.yml"


def test_shipped_files_are_unchanged(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in MONITORING.glob("*.yml")}

    write(tmp_path, meta=True)

    assert {path: path.read_bytes() for path in MONITORING.glob("*.yml")} == before


def test_scaled_rules_fire_and_resolve_within_seconds(tmp_path: Path) -> None:
    paths = write(tmp_path)
    firing = 'count by (alertname, model_type) (ALERTS{alertstate="firing"})'
    r2 = {"labels": '{alertname="ModelPerformanceCritical", model_type="rf"}', "value": 1}
    failure = {"labels": '{alertname="TrainingFailure", model_type="rf"}', "value": 1}
    cases = tmp_path / "cases.yml"
    story = {
        "interval": "1s",
        "input_series": [
            # bad from 0:05 until 0:14; a failure at 0:20, a success at 0:25
            {"series": 'model_r2_score{model_type="rf"}', "values": "0.8x4 0.4x9 0.8x60"},
            {"series": 'training_runs_total{model_type="rf", status="failure"}', "values": "0x19 1x60"},
            {"series": 'training_runs_total{model_type="rf", status="success"}', "values": "0x24 1x60"},
        ],
        "promql_expr_test": [
            {"expr": firing, "eval_time": "9s", "exp_samples": []},
            {"expr": firing, "eval_time": "10s", "exp_samples": [r2]},
            {"expr": firing, "eval_time": "15s", "exp_samples": []},
            {"expr": firing, "eval_time": "20s", "exp_samples": [failure]},
            {"expr": firing, "eval_time": "24s", "exp_samples": [failure]},
            {"expr": firing, "eval_time": "30s", "exp_samples": []},
        ],
    }
    cases.write_text(
        yaml.safe_dump({"rule_files": [str(paths.alerts)], "evaluation_interval": "1s", "tests": [story]})
    )

    run("promtool", "test", "rules", cases)
