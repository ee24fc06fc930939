"""An HTTP server that records the webhooks it receives."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    authorization: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listener:
    """In place of the router, or of Discord's Slack-compatible address."""

    url: str
    requests: list[Request]

    def alertnames(self, path: str) -> set[str]:
        return {
            alert["labels"]["alertname"]
            for request in self.requests
            if request.path == path
            for alert in request.body["alerts"]
        }

    def statuses(self) -> set[tuple[str, str]]:
        """Alertname and status of every alert received."""
        return {
            (alert["labels"]["alertname"], alert["status"])
            for request in self.requests
            for alert in request.body["alerts"]
        }


@contextmanager
def listening(port: int = 0, *, status: int = 200) -> Iterator[Listener]:
    """port: 0 for a free one. status: the answer to every request; Alertmanager repeats one answered 503."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(Request(self.path, self.headers["Authorization"], body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Listener(url=f"http://127.0.0.1:{server.server_port}", requests=requests)
        server.shutdown()
