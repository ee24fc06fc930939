"""Compose accepts docker-compose.yaml, which agrees with the names, settings and secrets it joins."""

import ast
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
BIN = Path(sys.executable).parent
FRONT = {
    "alert-router": 8010,
    "regmodel-backend": 8000,
    "airflow-webserver": 8080,
    "airflow-exporter": 9101,
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
}
AIRFLOW = {
    "airflow-init",
    "airflow-webserver",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
}
ALWAYS = {"alert-router", "regmodel-backend", "postgres"} | AIRFLOW
MONITORED = {"airflow-exporter", "prometheus", "alertmanager", "grafana"}
HOST = re.compile(r"(?:https?://|[\"'])([a-z][a-z-]*):\d{4}\b")


def config(*profiles: str) -> dict[str, Any]:
    """What Compose makes of the file: merged, interpolated, validated. No engine is needed."""
    flags = [flag for profile in profiles for flag in ("--profile", profile)]
    command = [str(BIN / "docker-compose"), "--env-file", "/dev/null", *flags, "config", "--format", "json"]
    # Without the variables of whoever runs the tests.
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def services(*profiles: str) -> set[str]:
    return set(config(*profiles)["services"])


EVERY_SERVICE: dict[str, dict[str, Any]] = config("monitoring")["services"]


@pytest.mark.parametrize(
    ("profiles", "started"),
    [([], ALWAYS), (["monitoring"], ALWAYS | MONITORED), (["pipeline"], ALWAYS | MONITORED)],
)
def test_compose_accepts_every_profile(profiles: list[str], started: set[str]) -> None:
    assert services(*profiles) == started


@pytest.mark.parametrize("name", EVERY_SERVICE)
def test_every_container_is_confined(name: str) -> None:
    service = EVERY_SERVICE[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["mem_limit"]) > 0
    assert service["pids_limit"] > 0
    assert service["stop_grace_period"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    # The migration ends; every other container says whether it works.
    assert bool(service["healthcheck"].get("test")) is (name != "airflow-init")


def test_only_front_ports_are_published_on_loopback() -> None:
    published = {
        name: [(port["host_ip"], int(port["published"]), port["target"]) for port in service["ports"]]
        for name, service in EVERY_SERVICE.items()
        if service.get("ports")
    }

    assert published == {name: [("127.0.0.1", port, port)] for name, port in FRONT.items()}


def test_images_are_pinned_by_version() -> None:
    pulled = [service["image"] for service in EVERY_SERVICE.values() if "build" not in service]

    assert len(pulled) == 4
    assert all(re.search(r":v?\d+\.\d+", image) for image in pulled)


def test_containers_wait_for_what_they_need() -> None:
    conditions = {
        name: {other: wait["condition"] for other, wait in service.get("depends_on", {}).items()}
        for name, service in EVERY_SERVICE.items()
    }

    assert conditions["grafana"] == {"prometheus": "service_healthy"}
    assert conditions["airflow-init"] == {"postgres": "service_healthy"}
    for name in AIRFLOW - {"airflow-init"}:
        assert conditions[name]["airflow-init"] == "service_completed_successfully"


def test_containers_the_plan_calls_by_name() -> None:
    names = {service.get("container_name") for service in EVERY_SERVICE.values()}

    assert {"airflow-webserver", "regmodel-backend", "alert-router"} <= names


def test_prometheus_keeps_15_days_and_reloads() -> None:
    command = EVERY_SERVICE["prometheus"]["command"]

    assert {"--storage.tsdb.retention.time=15d", "--web.enable-lifecycle"} <= set(command)


def test_grafana_password_and_discord_url() -> None:
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "${GF_SECURITY_ADMIN_PASSWORD:-admin}"
    assert environment["DISCORD_WEBHOOK_URL"] == "${DISCORD_WEBHOOK_URL:-}"


def test_airflow_reaches_postgresql_by_one_driver() -> None:
    """Its image has psycopg alone; by default Airflow takes asyncpg beside it."""
    locked = (ROOT / "requirements" / "airflow-run.lock").read_text()

    assert "psycopg==" in locked
    for name in AIRFLOW:
        environment = EVERY_SERVICE[name]["environment"]
        url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"]
        assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC_CMD"] == url


def test_configs_of_read_only_containers_are_files() -> None:
    """Compose refuses to write a config's content into them."""
    assert all("file" in config for config in COMPOSE["configs"].values())


def test_dags_are_not_paused() -> None:
    for name in AIRFLOW:
        environment = EVERY_SERVICE[name]["environment"]
        assert environment["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"


@pytest.mark.parametrize("name", BUILT)
def test_dockerfiles_pass_hadolint(name: str) -> None:
    done = subprocess.run(
        [BIN / "hadolint", ROOT / BUILT[name]["dockerfile"]],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["prometheus.yml", "alertmanager.yml"])
def test_configured_hosts_are_services(name: str) -> None:
    hosts = set(HOST.findall((MONITORING / name).read_text())) - {"localhost"}

    assert hosts
    assert hosts <= SERVICES.keys()


def test_environment_hosts_are_services() -> None:
    values = {value for service in SERVICES.values() for value in (service.get("environment") or {}).values()}

    hosts = {host for value in values for host in HOST.findall(str(value))}
    assert {"regmodel-backend", "alert-router", "airflow-webserver"} <= hosts <= SERVICES.keys()


def test_scraped_targets_start_with_the_monitoring() -> None:
    scraped = {
        target.partition(":")[0]
        for job in read("prometheus.yml")["scrape_configs"]
        for config in job["static_configs"]
        for target in config["targets"]
    } - {"localhost"}

    assert {"regmodel-backend", "airflow-exporter"} <= scraped
    assert scraped <= services("monitoring")


@pytest.mark.parametrize("name", BUILT)
def test_copied_paths_exist_and_are_not_ignored(name: str) -> None:
    text = (ROOT / BUILT[name]["dockerfile"]).read_text()
    copied = [word for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert copied
    for source in copied:
        assert list(ROOT.glob(source)), source
        assert any(Path(source).is_relative_to(path) for path in sent), f"{source} is ignored"


@pytest.mark.parametrize("name", BUILT)
def test_secret_file_does_not_meet_the_images_own_variable(name: str) -> None:
    """Both set are an error; an empty variable counts as unset."""
    image = (ROOT / BUILT[name]["dockerfile"]).read_text()
    environment = EVERY_SERVICE[name]["environment"]
    of_image = set(re.findall(r"^(?:ENV|   ) *(\w+)=", image, re.MULTILINE))

    twins = {variable.removesuffix("_FILE") for variable in environment if variable.endswith("_FILE")}

    assert {twin for twin in twins & of_image if environment.get(twin) != ""} == set()


def router_names() -> set[str]:
    return {field.alias for field in Settings.model_fields.values() if field.alias}


def class_fields(file: str) -> list[ast.AnnAssign]:
    """Of the class Settings in another room, which this room's environment cannot import."""
    tree = ast.parse((ROOT / file).read_text())
    [settings] = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Settings"]
    return [node for node in settings.body if isinstance(node, ast.AnnAssign)]


def backend_names() -> set[str]:
    fields = class_fields("backend/regmodel/settings.py")
    return {f"REGMODEL_{ast.unparse(field.target).upper()}" for field in fields}


def pipeline_names() -> set[str]:
    nodes = [node for field in class_fields("dags/pipeline/settings.py") for node in ast.walk(field)]
    keywords = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "alias"]
    return {str(value.value) for value in keywords if isinstance(value, ast.Constant)}


def example(name: str) -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / name).read_text(), re.MULTILINE))


def test_container_settings_exist() -> None:
    router = router_names() | {f"{name}_FILE" for name in SECRETS}
    exporters = {*exporter.names(), *(f"{name}_FILE" for name in exporter.SECRETS)}
    pipeline = {f"{name}{end}" for name in pipeline_names() for end in ("", "_FILE")}
    airflow = {name for name in SERVICES["airflow-scheduler"]["environment"] if "AIRFLOW__" not in name}

    assert SERVICES["alert-router"]["environment"].keys() <= router
    assert SERVICES["airflow-exporter"]["environment"].keys() <= exporters
    assert SERVICES["regmodel-backend"]["environment"].keys() <= backend_names() | {"REGMODEL_API_KEY_FILE"}
    assert airflow <= pipeline


def test_env_example_lists_every_setting_that_compose_passes_on() -> None:
    """A variable with a fixed value in docker-compose.yaml cannot be set in .env."""
    passed = {"GF_SECURITY_ADMIN_PASSWORD"}
    for name in ("alert-router", "regmodel-backend", "airflow-exporter"):
        environment = SERVICES[name]["environment"]
        passed |= {key for key, value in environment.items() if value is None or "${" in str(value)}
    fixed = {
        "LISTEN",
        "TOKENS",
        "ROUTER_USERS",
        "STATE_DIR",
        "STATE_FILE",
        "PASSWORD",
        "AIRFLOW_URL",
        "API_KEY",
    }
    every = router_names() | backend_names() | set(exporter.names())

    assert example(".env.example") == passed
    assert {name for name in every - passed if not name.endswith(tuple(fixed))} == set()


def test_env_airflow_example_lists_every_setting_of_the_pipeline() -> None:
    retries = {"BIKE_RETRIES", "BIKE_RETRY_DELAY_SECONDS"}

    assert example(".env.airflow.example") == pipeline_names() | retries


def test_make_secrets_is_idempotent(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    script = scripts / "make-secrets"
    script.write_bytes((ROOT / "scripts" / "make-secrets").read_bytes())

    def make_secrets() -> dict[str, str]:
        subprocess.run([sys.executable, script], check=True, capture_output=True, umask=0o077)
        files = [*(tmp_path / "secrets").iterdir(), tmp_path / ".env"]
        return {path.name: path.read_text() for path in files}

    (tmp_path / "secrets").mkdir(mode=0o755)
    (tmp_path / ".env").write_text("DISCORD_WEBHOOK_URL=https://discord\nGF_SECURITY_ADMIN_PASSWORD=\n")
    first = make_secrets()

    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} <= first.keys()
    assert json.loads(first["airflow_passwords.json"])["exporter"] == first["airflow_exporter_password"]
    assert first["postgres_password"] in first["airflow_database_url"]
    made = "".join(f"{name}=[0-9a-f]{{40}}\n" for name in ("GF_SECURITY_ADMIN_PASSWORD",))
    assert re.fullmatch(f"DISCORD_WEBHOOK_URL=https://discord\n{made}", first[".env"])
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
