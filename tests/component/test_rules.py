import re
from pathlib import Path

import pytest
import yaml

from testbed.monitoring.programs import run
from testbed.monitoring.shipped import EVERY_RULE, MONITORING, ROOT, RULE_FILES, Rule, read, rules

CASES = sorted(Path(__file__).parent.glob("*_test.yml"))
RUNBOOKS = "https://github.com/alert-router/alert-router/blob/main/docs/runbooks/"

SIX = {
    # alert: (severity, component, threshold, for)
    "ModelPerformanceCritical": ("critical", "model", "< 0.65", "5m"),
    "ModelPerformanceWarning": ("warning", "model", "< 0.70", "10m"),
    "HighDrift": ("warning", "data", "> 0.5", "15m"),
    "APIErrorRate": ("critical", "api", "> 0.05", "5m"),
    "TrainingFailure": ("critical", "training", "> 0", None),
    "PredictionLatencyHigh": ("warning", "api", "> 5", "10m"),
}


def test_prometheus_config_is_valid() -> None:
    output = run("promtool", "check", "config", MONITORING / "prometheus.yml")

    assert "2 rule files found" in output


@pytest.mark.parametrize("name", RULE_FILES)
def test_rules_pass_promtool_lint(name: str) -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", MONITORING / name)


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_rule_cases(cases: Path) -> None:
    run("promtool", "test", "rules", cases)


def test_alerts_yml_has_exactly_the_six_rules() -> None:
    shipped = {
        rule["alert"]: (
            rule["labels"]["severity"],
            rule["labels"]["component"],
            " ".join(rule["expr"].split()[-2:]),
            rule.get("for"),
        )
        for rule in rules("alerts.yml")
    }

    assert shipped == SIX
    assert len(rules("alerts.yml")) == len(SIX)


def test_prometheus_targets_and_alertmanager() -> None:
    config = read("prometheus.yml")

    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}

    assert targets == {
        "backend": ["regmodel-backend:8000"],
        "airflow": ["airflow-exporter:9101"],
        "alert-router": ["alert-router:8010"],
        "alertmanager": ["alertmanager:9093"],
        "prometheus": ["localhost:9090"],
    }
    assert config["rule_files"] == list(RULE_FILES)
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]


def test_training_failure_step_is_the_scrape_interval() -> None:
    config = read("prometheus.yml")
    expression = next(rule["expr"] for rule in rules("alerts.yml") if rule["alert"] == "TrainingFailure")

    steps = re.findall(r"\[\w+:(\w+)\]", expression)

    assert steps == [config["global"]["scrape_interval"]] == [config["global"]["evaluation_interval"]]


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_rule_has_severity_and_component(rule: Rule) -> None:
    assert rule["labels"].keys() == {"severity", "component"}
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    components = {"model", "data", "api", "training", "pipeline", "monitoring", "alert-router"}
    assert rule["labels"]["component"] in components


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_rule_has_value_and_links(rule: Rule) -> None:
    annotations = rule["annotations"]

    assert annotations.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert re.search(r"(\$value|\| value) \| humanize|printf \"%\.3f\" \$value", annotations["description"])
    # A number in the title would make every repeat a different alert to the eye.
    assert "$value" not in annotations["summary"]


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_rule_has_a_runbook(rule: Rule) -> None:
    url = rule["annotations"]["runbook_url"]
    runbook = ROOT / "docs" / "runbooks" / url.removeprefix(RUNBOOKS)

    assert runbook.name == f"{rule['alert']}.md"
    text = runbook.read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    for heading in ("First look", "Likely causes", "What to do", "When to silence"):
        assert f"\n## {heading}\n" in text


def test_every_runbook_has_a_rule() -> None:
    runbooks = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert runbooks == {rule["alert"] for name in RULE_FILES for rule in rules(name)}


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_rule_has_firing_and_quiet_cases(rule: Rule) -> None:
    seen = {
        bool(check.get("exp_alerts"))
        for cases in CASES
        for case in yaml.safe_load(cases.read_text())["tests"]
        for check in case["alert_rule_test"]
        if check["alertname"] == rule["alert"]
    }

    # A rule that always fires has no quiet case.
    assert seen == ({True} if rule["expr"] == "vector(1)" else {True, False})


def test_case_names_begin_with_their_rule() -> None:
    for cases in CASES:
        for case in yaml.safe_load(cases.read_text())["tests"]:
            checked = {check["alertname"] for check in case["alert_rule_test"]}

            assert case["name"].partition(":")[0] in checked
