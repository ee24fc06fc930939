"""The model service answers whatever its OpenAPI document allows as that document says, and never 500."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testbed import stack
from testbed.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

KEY = "an-api-key"
CHECKS = "status_code_conformance,content_type_conformance,response_schema_conformance"
"""Without "no server error": 503 is the documented answer while there is no champion."""
EXAMPLES = "5"
OPERATIONS = 11


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environment = {
        "REGMODEL_API_KEY": KEY,
        "REGMODEL_GENERATED_COUNTERS": "14",
        "REGMODEL_MAX_WAITING_RUNS": "1",
    }
    port = free_port()
    program = stack.backend(tmp_path_factory.mktemp("service"), port, None, environment)
    program.start()
    try:
        program.wait_ready()
        yield stack.local(port)
    finally:
        program.stop()


@pytest.mark.parametrize("key", [KEY, "another"])
def test_answers_conform_to_the_document(service: str, key: str, tmp_path: Path) -> None:
    command: list[str | Path] = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{service}/openapi.json",
    ]
    options = ["--header", f"X-API-Key: {key}", "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", "1"]

    done = subprocess.run(
        [*command, *options, "--phases", "coverage,fuzzing", "--no-color"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    answered = httpx.get(f"{service}/metrics").text

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {OPERATIONS}" in done.stdout
    answers = [line for line in answered.splitlines() if line.startswith("fastapi_requests_total{")]
    assert len(answers) > OPERATIONS
    assert [line for line in answers if 'status="500"' in line and not line.endswith(" 0.0")] == []
