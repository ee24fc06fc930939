import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.monitoring.programs import run
from testbed.monitoring.shipped import EVERY_RULE, MONITORING, RULE_FILES, THE_SIX, Rule

GRAFANA = MONITORING / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "bike-traffic.json").read_text())
PANELS: dict[int, dict[str, Any]] = {panel["id"]: panel for panel in DASHBOARD["panels"]}


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
        annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]
    ]


def metrics(text: str) -> set[str]:
    return set(
        re.findall(
            r"\b(?:airflow|model|drift|drifted|fastapi|training|prediction|alert_router)_[a-z0-9_]+|\bup\b",
            text,
        )
    )


def panel_of(rule: Rule) -> dict[str, Any]:
    base, _, panel_id = rule["annotations"]["dashboard_url"].partition("?viewPanel=")
    assert base == f"http://127.0.0.1:3000/d/{DASHBOARD['uid']}/{DASHBOARD['uid']}"
    return PANELS[int(panel_id)]


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    # Grafana replaces its variable before it asks; promtool checks expressions in rules only.
    plain = [expression.replace("$__rate_interval", "1m") for expression in expressions()]
    group = {"name": "panels", "rules": [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(plain)]}
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [group]}))

    said = run("promtool", "check", "rules", rules)

    assert f"{len(plain)} rules found" in said


def test_panels_have_their_own_ids_and_places() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]

    assert len(PANELS) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_panels_ask_the_datasource_that_is_provisioned() -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())
    uids = {source["uid"] for source in provisioned["datasources"]}

    asked = {
        asker["datasource"]["uid"]
        for panel in DASHBOARD["panels"]
        for asker in (panel, *panel["targets"], *DASHBOARD["annotations"]["list"])
    }

    assert asked == uids


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_the_link_in_an_alert_shows_the_metric_it_is_about(rule: Rule) -> None:
    shown = metrics(" ".join(target["expr"] for target in panel_of(rule)["targets"]))

    # Quarantined bodies are counted by the rule and shown as what lies there; the Watchdog has no metric.
    assert metrics(rule["expr"]) <= shown | {"alert_router_quarantined_total"}


@pytest.mark.parametrize("rule", THE_SIX)
def test_the_line_in_the_panel_is_the_threshold_of_the_rule(rule: Rule) -> None:
    threshold = float(rule["expr"].split()[-1])
    steps = panel_of(rule)["fieldConfig"]["defaults"]["thresholds"]["steps"]

    # Any failed training fires: zero needs no line.
    assert threshold in {step["value"] for step in steps} | {0.0}


def test_no_panel_asks_for_a_metric_nobody_exports() -> None:
    ruled = metrics(" ".join((MONITORING / name).read_text() for name in RULE_FILES))

    assert metrics(" ".join(expressions())) <= ruled | {"model_rmse", "alert_router_quarantine_size"}
