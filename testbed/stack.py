"""The pipeline's programs, joined as docker-compose joins them, but native and with times scaled down."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from monitoring.scaled import ScaledPaths, shipped_jobs, write_scaled
from testbed.ports import free_port
from testbed.processes import NotReadyError, Process, binary

ROOT = Path(__file__).parent.parent
ROUTER = Path(sys.prefix) / "bin" / "alert-router"
BACKEND_PYTHON = ROOT / ".venv-backend" / "bin" / "python"
TOKEN = "demo-ingest-token"
MISSING = (
    "Prometheus and Alertmanager are needed and were not found. On Debian or Ubuntu: sudo apt-get install "
    "--no-install-recommends prometheus prometheus-alertmanager. Elsewhere: put `prometheus` and "
    "`alertmanager` from prometheus.io/download into your PATH."
)


def local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def prometheus(folder: Path, config: Path, port: int) -> Process:
    return Process(
        name="Prometheus",
        command=[
            _needed("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            # Generator links lead here: Discord takes an address, not a bare host name.
            f"--web.external-url={local(port)}",
            "--rules.alert.resend-delay=2s",
            "--log.level=warn",
        ],
        ready_url=f"{local(port)}/-/ready",
        log=folder / f"prometheus-{port}.log",
    )


def alertmanager(
    folder: Path, config: Path, port: int, *, cluster_port: int | None = None, peer_port: int | None = None
) -> Process:
    """cluster_port and peer_port: this replica's and the other's, for a pair."""
    cluster = ["--cluster.listen-address="]
    if cluster_port is not None:
        cluster = [
            f"--cluster.listen-address=127.0.0.1:{cluster_port}",
            f"--cluster.peer=127.0.0.1:{peer_port}",
            "--cluster.peer-timeout=1s",
            "--cluster.settle-timeout=2s",
            "--cluster.gossip-interval=50ms",
            "--cluster.pushpull-interval=1s",
        ]
    return Process(
        name="Alertmanager",
        command=[
            _needed("prometheus-alertmanager", "alertmanager"),
            f"--config.file={config}",
            f"--storage.path={folder / f'alertmanager-{port}'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.external-url={local(port)}",
            "--log.level=warn",
            *cluster,
        ],
        ready_url=f"{local(port)}/-/ready",
        log=folder / f"alertmanager-{port}.log",
    )


def router(folder: Path, port: int, environment: Mapping[str, str]) -> Process:
    return Process(
        name="alert-router",
        command=[str(ROUTER), "serve"],
        ready_url=f"{local(port)}/-/ready",
        log=folder / "alert-router.log",
        environment={
            "ALERT_ROUTER_LISTEN": f"127.0.0.1:{port}",
            "ALERT_ROUTER_DATABASE_URL": f"sqlite:///{folder / 'alert_router.db'}",
            "ALERT_ROUTER_INGEST_TOKENS": TOKEN,
            **environment,
        },
    )


def backend(
    folder: Path, port: int, data_folder: Path | None, environment: Mapping[str, str] | None = None
) -> Process:
    data = {"REGMODEL_DATA_DIR": str(data_folder)} if data_folder else {}
    return Process(
        name="Model service",
        command=[str(BACKEND_PYTHON), "-m", "backend.regmodel"],
        ready_url=f"{local(port)}/health",
        log=folder / "regmodel.log",
        environment={
            "REGMODEL_LISTEN": f"127.0.0.1:{port}",
            "REGMODEL_STATE_DIR": str(folder / "regmodel"),
            **data,
            **(environment or {}),
        },
        folder=ROOT,
    )


def _needed(*names: str) -> str:
    found = binary(*names)
    if found is None:
        raise NotReadyError(MISSING)
    return found


@dataclass(slots=True)
class Stack:
    """Model service, Prometheus, Alertmanager, router; a context manager that stops them all."""

    folder: Path
    factor: float
    """By how much the rules' times are divided."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More settings for the router."""
    backend_environment: Mapping[str, str] = field(default_factory=dict)
    """More settings for the model service."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """More targets for Prometheus: host:port by job of prometheus.yml."""
    data_folder: Path | None = None
    meta: bool = False
    """With the rules about the monitoring, Airflow and stale data as well."""
    backend_url: str = ""
    prometheus_url: str = ""
    alertmanager_url: str = ""
    router_url: str = ""
    router: Process = field(init=False)
    _running: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {name: free_port() for name in ("backend", "prometheus", "alertmanager", "router")}
        self.backend_url, self.prometheus_url, self.alertmanager_url, self.router_url = map(
            local, ports.values()
        )
        paths = self._write_config(ports)
        self.router = router(
            self.folder,
            ports["router"],
            {
                "ALERTMANAGER_URL": self.alertmanager_url,
                "PROMETHEUS_URL": self.prometheus_url,
                **self.environment,
            },
        )
        programs = [
            self.router,
            backend(self.folder, ports["backend"], self.data_folder, self.backend_environment),
            alertmanager(self.folder, paths.alertmanager, ports["alertmanager"]),
            prometheus(self.folder, paths.prometheus, ports["prometheus"]),
        ]
        try:
            for program in programs:
                self._running.callback(program.stop)
                program.start()
            for program in programs:
                program.wait_ready()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _write_config(self, ports: Mapping[str, int]) -> ScaledPaths:
        programs = {
            "backend": ports["backend"],
            "alert-router": ports["router"],
            "alertmanager": ports["alertmanager"],
            "prometheus": ports["prometheus"],
        }
        targets = {job: f"127.0.0.1:{port}" for job, port in programs.items()} | dict(self.targets)
        return write_scaled(
            self.folder / "config",
            factor=self.factor,
            targets={job: target for job, target in targets.items() if job in shipped_jobs()},
            alertmanagers=[f"127.0.0.1:{ports['alertmanager']}"],
            router_url=self.router_url,
            token=TOKEN,
            meta=self.meta,
        )
