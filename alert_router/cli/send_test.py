"""alert-router send-test: an alert that goes the way of all others, through the running router."""

from typing import Annotated, Any

import httpx
import typer

from alert_router.cli.config import fail, load_settings
from alert_router.domain.severity import Severity
from alert_router.settings import Settings

TIMEOUT_S = 15.0


def send_test(
    labels: Annotated[list[str] | None, typer.Argument(help="Labels for the routes: team=shop")] = None,
    channel: Annotated[str, typer.Option(help="Instead of the routes' choice")] = "",
    severity: Annotated[str, typer.Option(help="info, warning, error or critical")] = Severity.CRITICAL.word,
) -> None:
    """Send an alert marked [TEST] through the running router; it ends by itself after two minutes."""
    settings = load_settings()
    pairs = [text.partition("=") for text in labels or []]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        fail(f"{wrong[0]!r} is not a label; write it like team=shop")
    body = {"channel": channel, "severity": severity, "labels": {name: value for name, _, value in pairs}}
    sent = _post(settings, body)
    typer.echo(f"sent to {', '.join(sent['channels'])}: {settings.public_url}{sent['url']}")


def _post(settings: Settings, body: dict[str, Any]) -> dict[str, Any]:
    url = f"{settings.local_url}/-/send-test"
    tokens = settings.ingest_tokens
    headers = {"Authorization": f"Bearer {tokens[0].get_secret_value()}"} if tokens else {}
    try:
        with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
            response = client.post(url, json=body, headers=headers)
    except httpx.TransportError as error:
        fail(f"no router answers at {settings.local_url} ({error}); start it: alert-router serve")
    if not response.is_success:
        fail(_reason(response, url))
    answer: dict[str, Any] = response.json()
    return answer


def _reason(response: httpx.Response, url: str) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{url} answers HTTP {response.status_code}: is another program listening there?"
