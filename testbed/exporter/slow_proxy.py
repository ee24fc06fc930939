"""A proxy between the exporter and Airflow that delays every answer."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


@dataclass(slots=True)
class SlowProxy:
    url: str
    delay_s: float = 0.0
    waiting: int = 0
    """Requests that are delayed now."""
    _over: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def before(cls, target: str) -> Iterator["SlowProxy"]:
        with httpx.Client(base_url=target, trust_env=False, timeout=30) as http:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            proxy = cls(f"http://127.0.0.1:{server.server_port}")
            server.forward = proxy._forwarder(http)  # type: ignore[attr-defined]
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield proxy
            finally:
                proxy._over.set()
                server.shutdown()
                server.server_close()

    def _forwarder(self, http: httpx.Client) -> Any:
        def forward(method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
            self.waiting += 1
            self._over.wait(self.delay_s)
            self.waiting -= 1
            return http.request(method, path, content=body, headers=headers)

        return forward


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        headers = {
            name: self.headers[name] for name in ("authorization", "content-type") if self.headers[name]
        }
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        with contextlib.suppress(ConnectionError):  # the exporter may be stopped while it waits
            self._answer(body, headers)

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        answer = self.server.forward(self.command, self.path, body, headers)  # type: ignore[attr-defined]
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass
