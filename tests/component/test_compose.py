"""docker-compose.yaml agrees with the files it joins: names, files, settings, secrets."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alert_router.settings import SECRETS, Settings
from monitoring.custom_exporters import settings as exporter
from testbed.monitoring.shipped import MONITORING, ROOT, read

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service["build"] for name, service in SERVICES.items() if "build" in service}
HOST = re.compile(r"(?:https?://|[\"'])([a-z][a-z-]*):\d{4}\b")


@pytest.mark.parametrize("name", ["prometheus.yml", "alertmanager.yml"])
def test_configured_hosts_are_services(name: str) -> None:
    hosts = set(HOST.findall((MONITORING / name).read_text())) - {"localhost"}

    assert hosts
    assert hosts <= SERVICES.keys()


def test_environment_hosts_are_services() -> None:
    values = {value for service in SERVICES.values() for value in (service.get("environment") or {}).values()}

    hosts = {host for value in values for host in HOST.findall(str(value))}
    assert {"backend", "alert-router", "airflow"} <= hosts <= SERVICES.keys()


def test_scraped_targets_start_with_the_pipeline() -> None:
    scraped = {
        target.partition(":")[0]
        for job in read("prometheus.yml")["scrape_configs"]
        for config in job["static_configs"]
        for target in config["targets"]
    } - {"localhost"}

    # A service without a profile is always started.
    assert all("pipeline" in SERVICES[name].get("profiles", ["pipeline"]) for name in scraped)


@pytest.mark.parametrize("name", BUILT)
def test_copied_paths_exist_and_are_not_ignored(name: str) -> None:
    text = (ROOT / BUILT[name]["dockerfile"]).read_text()
    copied = [word for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert copied
    for source in copied:
        assert list(ROOT.glob(source)), source
        assert any(Path(source).is_relative_to(path) for path in sent), f"{source} is ignored"


def test_container_settings_exist() -> None:
    router = {field.alias for field in Settings.model_fields.values()} | {f"{name}_FILE" for name in SECRETS}
    exporters = {*exporter.names(), *(f"{name}_FILE" for name in exporter.SECRETS)}

    assert SERVICES["alert-router"]["environment"].keys() <= router
    assert SERVICES["airflow-exporter"]["environment"].keys() <= exporters


def test_make_secrets_is_idempotent(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    script = scripts / "make-secrets"
    script.write_bytes((ROOT / "scripts" / "make-secrets").read_bytes())

    def make_secrets() -> dict[str, str]:
        subprocess.run([sys.executable, script], check=True, capture_output=True, umask=0o077)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    first = make_secrets()

    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} <= first.keys()
    assert json.loads(first["airflow_passwords.json"])["exporter"] == first["airflow_exporter_password"]
    assert make_secrets() == first
    # The containers' users read the files; on this machine the folder keeps other users out.
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o644}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_alertmanager_secrets_are_mounted() -> None:
    # Also in the comment about e-mail, whose secret is not mounted.
    named = re.findall(r"_file: (\S+)", (MONITORING / "alertmanager.yml").read_text())
    mounted = {secret["target"] for secret in SERVICES["alertmanager"]["secrets"]}

    assert set(named) == mounted | {"/etc/alertmanager/secrets/smtp_password"}


def test_mounted_secrets_are_declared() -> None:
    mounted = {
        secret if isinstance(secret, str) else secret["source"]
        for service in SERVICES.values()
        for secret in service.get("secrets", [])
    }

    assert mounted == COMPOSE["secrets"].keys()
