"""The dashboards that Grafana reads: their files, their expressions and their links to the rules."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from starlette.testclient import TestClient

from monitoring.dashboards import catalog, limits
from monitoring.dashboards.description import Dashboard, Panel
from monitoring.dashboards.rendering import to_json
from testbed import panels
from testbed.exporter import pipeline_story
from testbed.exporter.harness import ExporterHarness
from testbed.monitoring.programs import run
from testbed.monitoring.shipped import EVERY_RULE, MONITORING, ROOT, THE_SIX, Rule, read
from testbed.panels import Exposed

Json = dict[str, Any]

PROVISIONING = MONITORING / "grafana" / "provisioning"
SCHEMA = json.loads((Path(__file__).parent / "grafana" / "dashboard.schema.json").read_text())
DASHBOARDS = {dashboard.uid: dashboard for dashboard in catalog.ALL}
FILES: dict[str, Json] = {uid: json.loads(catalog.path_of(d).read_text()) for uid, d in DASHBOARDS.items()}
EVERY_DASHBOARD = [pytest.param(dashboard, id=dashboard.uid) for dashboard in catalog.ALL]
EVERY_PANEL = [
    pytest.param(dashboard.uid, panel, id=f"{dashboard.uid}-{panel.id}")
    for dashboard in catalog.ALL
    for panel in dashboard.panels
]

PLANNED_TITLES = {
    "overview": (
        "Requests per second",
        "Error rate, 4xx and 5xx",
        "Drift detected",
        "Drift share",
        "Production R2",
        "DAG run status over 7 days",
    ),
    "api": (
        "Request latency p50, p95, p99",
        "Throughput per minute",
        "Prediction batch sizes",
        "Training duration",
        "Ingestion rate",
    ),
    "predictions": (
        "R2 over 7 days",
        "RMSE over 7 days",
        "MAE over 7 days",
        "Prediction distribution",
        "Drift over time",
        "Unknown counters",
    ),
    "training": (
        "Training runs by outcome",
        "R2 delta",
        "Deploy, skip, reject",
        "Baseline regressions",
        "Double evaluation",
        "Champion against challenger",
    ),
}


def expressions() -> Iterator[str]:
    """As Grafana would send them."""
    for document in FILES.values():
        yield from (panels.substituted(a["expr"]) for a in document["annotations"]["list"])
        for panel in document["panels"]:
            yield from (panels.substituted(target["expr"]) for target in panel["targets"])


def shown_by(panel: Panel) -> set[str]:
    return {s.metric for query in panel.queries for s in panels.selectors(panels.substituted(query.expr))}


def linked_from(rule: Rule) -> tuple[Dashboard, Panel]:
    base, _, panel_id = rule["annotations"]["dashboard_url"].partition("?viewPanel=")
    uid = base.rpartition("/")[2]
    assert base == f"http://127.0.0.1:3000/d/{uid}/{uid}"
    dashboard = DASHBOARDS[uid]
    return dashboard, next(panel for panel in dashboard.panels if panel.id == int(panel_id))


@pytest.mark.parametrize("dashboard", EVERY_DASHBOARD)
def test_committed_file_equals_the_description(dashboard: Dashboard) -> None:
    assert catalog.path_of(dashboard).read_text() == to_json(dashboard), "run python -m monitoring.dashboards"


def test_every_provisioned_file_has_a_description() -> None:
    assert {path.stem for path in catalog.FOLDER.glob("*.json")} == DASHBOARDS.keys()


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_dashboard_conforms_to_grafanas_schema(uid: str) -> None:
    errors = [f"{list(e.path)}: {e.message[:300]}" for e in Draft7Validator(SCHEMA).iter_errors(FILES[uid])]

    assert errors == []


PLANTED: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("dashboard", {"titel": "misspelt"}),
    ("panel", {"gridpos": {}}),
    ("panel", {"type": "timeserie"}),
    ("panel", {"id": "1"}),
    ("options", {"legends": {}}),
    ("custom", {"drawStyle": "line chart"}),
    ("target", {"legend": "misspelt"}),
    ("target", {"expr": None}),
    ("variable", {"multiple": True}),
)


@pytest.mark.parametrize(("part", "error"), PLANTED)
def test_schema_finds_a_planted_error(part: str, error: Mapping[str, object]) -> None:
    document = json.loads(catalog.path_of(DASHBOARDS["overview"]).read_text())
    panel = document["panels"][0]
    parts = {
        "dashboard": document,
        "panel": panel,
        "options": panel["options"],
        "custom": panel["fieldConfig"]["defaults"]["custom"],
        "target": panel["targets"][0],
        "variable": document["templating"]["list"][0],
    }

    parts[part].update(error)

    assert not Draft7Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize("uid", PLANNED_TITLES)
def test_dashboard_has_the_planned_panels(uid: str) -> None:
    titles = {panel["title"] for panel in FILES[uid]["panels"]}

    assert set(PLANNED_TITLES[uid]) <= titles


@pytest.mark.parametrize("dashboard", EVERY_DASHBOARD)
def test_panels_have_unique_ids_and_titles_and_do_not_overlap(dashboard: Dashboard) -> None:
    panels = FILES[dashboard.uid]["panels"]
    positions = [panel["gridPos"] for panel in panels]

    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert all(position["x"] + position["w"] <= 24 for position in positions)
    for a, b in combinations(positions, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above


@pytest.mark.parametrize(("uid", "panel"), EVERY_PANEL)
def test_panel_has_description_unit_and_reason_when_empty(uid: str, panel: Panel) -> None:
    document = next(p for p in FILES[uid]["panels"] if p["id"] == panel.id)
    defaults = document["fieldConfig"]["defaults"]

    assert document["description"].endswith(".")
    assert defaults["unit"]
    assert panel.empty in document["description"]
    assert ("noValue" in defaults) == bool(panel.empty)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_dashboard_links_to_the_others_and_to_the_history(uid: str) -> None:
    others, history = FILES[uid]["links"]

    assert others["type"] == "dashboards"
    assert others["includeVars"]
    assert others["keepTime"]
    assert all(set(others["tags"]) <= set(document["tags"]) for document in FILES.values())
    assert history["url"] == "http://127.0.0.1:8010/alerts"


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_dashboard_has_model_type_and_alert_annotations(uid: str) -> None:
    variables = {variable["name"]: variable for variable in FILES[uid]["templating"]["list"]}
    (annotation,) = FILES[uid]["annotations"]["list"]

    assert variables.keys() == {"model_type"}
    assert annotation["expr"].startswith("ALERTS{")
    assert "$model_type" in annotation["expr"]
    assert annotation["enable"]


def test_every_datasource_is_provisioned() -> None:
    provisioned = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())

    uids = {source["uid"] for source in provisioned["datasources"]}

    assert set(_datasources(FILES)) == uids


def _datasources(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("datasource"), dict):
            yield value["datasource"]["uid"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _datasources(item)


def test_every_expression_is_valid_promql(tmp_path: Path) -> None:
    plain = list(expressions())
    # promtool checks expressions in rules only.
    group = {"name": "panels", "rules": [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(plain)]}
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [group]}))

    output = run("promtool", "check", "rules", rules)

    assert f"{len(plain)} rules found" in output


def test_no_variable_remains_after_substitution() -> None:
    assert [expression for expression in expressions() if "$" in expression] == []


@pytest.fixture
def known(client: TestClient) -> dict[str, Exposed]:
    """The metrics of the three registries, by family."""
    with ExporterHarness.quick() as harness:
        pipeline_story.first_runs(harness.airflow, harness.now)
        pipeline_story.later_runs(harness.airflow, harness.now)
        with harness.started() as exporter:
            of_exporter = panels.exposed(exporter.poll().text)
    return panels.documented_by_backend() | panels.exposed(client.get("/metrics").text) | of_exporter


def test_expressions_use_known_metrics_and_labels(known: dict[str, Exposed]) -> None:
    series = panels.OF_PROMETHEUS_AND_ALERTMANAGER | {
        name: labels for family in known.values() for name, labels in family.series.items()
    }

    for expression in expressions():
        for selector in panels.selectors(expression):
            assert selector.metric in series, expression
            assert selector.labels <= series[selector.metric] | panels.TARGET_LABELS, expression


def test_every_metric_is_shown_in_a_panel(known: dict[str, Exposed]) -> None:
    shown = {metric for dashboard in catalog.ALL for panel in dashboard.panels for metric in shown_by(panel)}

    assert {name for name, family in known.items() if not family.series.keys() & shown} == set()


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_linked_panel_shows_the_rules_metrics(rule: Rule) -> None:
    _, panel = linked_from(rule)

    assert {selector.metric for selector in panels.selectors(rule["expr"])} <= shown_by(panel)


@pytest.mark.parametrize("rule", THE_SIX)
def test_panel_threshold_equals_the_rules(rule: Rule) -> None:
    dashboard, panel = linked_from(rule)
    document = next(p for p in FILES[dashboard.uid]["panels"] if p["id"] == panel.id)

    steps = {step["value"] for step in document["fieldConfig"]["defaults"]["thresholds"]["steps"]}

    # Any failed training fires: zero needs no line.
    assert limits.of_rule(rule["alert"]) in steps | {0.0}


def test_contact_point_posts_to_the_router() -> None:
    document = yaml.safe_load((PROVISIONING / "alerting" / "contactpoints.yml").read_text())
    (point,) = document["contactPoints"]
    (receiver,) = point["receivers"]
    settings = receiver["settings"]
    openapi = json.loads((ROOT / "tests" / "golden" / "openapi.json").read_text())

    base, path = settings["url"].split("8010")

    assert receiver["type"] == "webhook"
    assert base == "http://alert-router:"
    assert "post" in openapi["paths"][path]
    assert settings["authorization_scheme"] == "Bearer"
    assert settings["authorization_credentials"] == "$__file{/run/secrets/router_token}"
    assert not receiver["disableResolveMessage"]


def test_grafanas_policy_uses_the_contact_point_and_alertmanagers_times() -> None:
    points = yaml.safe_load((PROVISIONING / "alerting" / "contactpoints.yml").read_text())["contactPoints"]
    (policy,) = yaml.safe_load((PROVISIONING / "alerting" / "policies.yml").read_text())["policies"]
    route = read("alertmanager.yml")["route"]

    assert policy["receiver"] in {point["name"] for point in points}
    for name in ("group_wait", "group_interval", "repeat_interval"):
        assert policy[name] == route[name]
    assert set(route["group_by"]) <= set(policy["group_by"])
