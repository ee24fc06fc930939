"""`make demo`: the whole pipeline, from a model that breaks to a card that is green again."""

import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from testbed.demo.model_service import ModelService
from testbed.demo.story import Router, Story
from testbed.processes import NotReadyError
from testbed.stack import ROOT, Stack

FACTOR = 60.0
"""Minutes pass as seconds: the shipped rules wait 5 to 15 minutes."""
REAL_DATA = ROOT.parent / "shared" / "data"


def main() -> int:
    for ending in (signal.SIGINT, signal.SIGTERM):
        # Said for both: in a script's background job Ctrl-C would be ignored.
        signal.signal(ending, signal.default_int_handler)
    stay = os.environ.get("STAY", "") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="alert-router-demo-") as folder:
        try:
            return _run(Path(folder), stay=stay)
        except KeyboardInterrupt:
            print("\nStopped; nothing is left behind.")
            return 130
        except NotReadyError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1


def _run(folder: Path, *, stay: bool) -> int:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)

    say("Starting the model service, Prometheus, Alertmanager and the router")
    data = Path(os.environ["DATA"]) if os.environ.get("DATA") else REAL_DATA
    with (
        Stack(folder, factor=FACTOR, data_folder=data if data.is_dir() else None) as stack,
        closing(ModelService(stack.backend_url)) as model,
        closing(Router(stack.router_url)) as router,
    ):
        counts = "the city's counts" if model.data_source() == "files" else "a generated year"
        print(_addresses(stack))
        say(f"Everything runs, on {counts}; the rules' minutes pass as seconds")
        Story(model, router, say).tell()
        say("The end. The history of alerts:")
        print(_summary(router))
        if stay:
            print(f"Open {stack.router_url}/preview and {stack.router_url}/alerts; Ctrl-C ends it.")
            threading.Event().wait()
    return 0


def _addresses(stack: Stack) -> str:
    return "\n".join(
        (
            "",
            f"  cards, as Discord draws them  {stack.router_url}/preview",
            f"  history                       {stack.router_url}/alerts",
            f"  Alertmanager                  {stack.alertmanager_url}",
            f"  Prometheus                    {stack.prometheus_url}/alerts",
            f"  model service                 {stack.backend_url}/docs",
            "",
        )
    )


def _summary(router: Router) -> str:
    rows = [
        f"  {alert['alertname']:26} {alert['severity']:9} {alert['status']:9} incident {alert['incident_id']}"
        f"  by {alert['source']}"
        for alert in reversed(router.alerts())
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
