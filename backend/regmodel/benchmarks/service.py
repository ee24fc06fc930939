"""A service to measure: started on a free port with its own champions, and stopped."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from backend.regmodel.benchmarks.document import ROOT

WAIT_S, TICK_S = 600.0, 0.2


@contextmanager
def running(state: Path, data: Path) -> Iterator[httpx.Client]:
    """On the generated year when the data folder is absent."""
    address = f"127.0.0.1:{_free_port()}"
    environment = {**os.environ, "REGMODEL_LISTEN": address, "REGMODEL_STATE_DIR": str(state)}
    if data.is_dir():
        environment["REGMODEL_DATA_DIR"] = str(data)
    command = [sys.executable, "-m", "backend.regmodel"]
    with (
        (state / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,  # noqa: S603 - a fixed command
        httpx.Client(base_url=f"http://{address}", timeout=60) as http,
    ):
        try:
            _until(lambda: _answers(http), f"the service at {address} answers")
            yield http
        finally:
            process.terminate()


def champion(http: httpx.Client, parameters: Mapping[str, str]) -> None:
    run = http.post("/train", json={**parameters, "promote_if_better": True}).raise_for_status().json()

    def has_ended() -> bool:
        run.update(http.get(f"/train/{run['run_id']}").raise_for_status().json())
        return run["finished_at"] is not None

    _until(has_ended, f"training {run['run_id']} ends")
    if not run["promoted"]:
        raise RuntimeError(f"training {run['run_id']} was not promoted: {run}")


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health").is_success
    except httpx.TransportError:
        return False


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline, tick = time.monotonic() + WAIT_S, threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {WAIT_S:g} s: {what}")
        tick.wait(TICK_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
