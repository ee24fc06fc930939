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


def test_every_expression_is_valid_promql(tmp_path: Path) -> None:
    # Grafana substitutes its variable before the query; promtool checks expressions in rules only.
    plain = [expression.replace("$__rate_interval", "1m") for expression in expressions()]
    group = {"name": "panels", "rules": [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(plain)]}
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [group]}))

    output = run("promtool", "check", "rules", rules)

    assert f"{len(plain)} rules found" in output


def test_panels_have_unique_ids_and_do_not_overlap() -> None:
    positions = [panel["gridPos"] for panel in DASHBOARD["panels"]]

    assert len(PANELS) == len(positions)
    assert all(position["x"] + position["w"] <= 24 for position in positions)
    for a, b in combinations(positions, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above


def test_panels_use_the_provisioned_datasource() -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())
    uids = {source["uid"] for source in provisioned["datasources"]}

    used = {
        part["datasource"]["uid"]
        for panel in DASHBOARD["panels"]
        for part in (panel, *panel["targets"], *DASHBOARD["annotations"]["list"])
    }

    assert used == uids


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_linked_panel_shows_the_rules_metrics(rule: Rule) -> None:
    shown = metrics(" ".join(target["expr"] for target in panel_of(rule)["targets"]))

    # The rule counts quarantined bodies, the panel shows how many are stored; the Watchdog has no metric.
    assert metrics(rule["expr"]) <= shown | {"alert_router_quarantined_total"}


@pytest.mark.parametrize("rule", THE_SIX)
def test_panel_threshold_equals_the_rules(rule: Rule) -> None:
    threshold = float(rule["expr"].split()[-1])
    steps = panel_of(rule)["fieldConfig"]["defaults"]["thresholds"]["steps"]

    # Any failed training fires: zero needs no line.
    assert threshold in {step["value"] for step in steps} | {0.0}


def test_panels_query_known_metrics_only() -> None:
    ruled = metrics(" ".join((MONITORING / name).read_text() for name in RULE_FILES))

    assert metrics(" ".join(expressions())) <= ruled | {"model_rmse", "alert_router_quarantine_size"}
