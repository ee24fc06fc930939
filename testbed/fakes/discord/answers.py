"""What goes back over the wire: Discord's JSON answers and errors, and Cloudflare's, which look different."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any

VIA = {"Via": "1.1 google"}
"""Discord's own servers answer with it; clients take its absence for Cloudflare."""

CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | discord.com used Cloudflare to restrict access</title>"
    "</head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>"
)
CLOUDFLARE_JSON = {
    "message": "You are being blocked from accessing our API temporarily due to exceeding our rate limits"
    " frequently. Please read our docs at https://discord.com/developers/docs/topics/rate-limits",
    "code": 0,
}

Scope = Literal["user", "global", "shared", "cloudflare_html", "cloudflare_json"]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Discord's own no: a status, its JSON error code and, for forms, the tree of errors."""

    def __init__(
        self, status: int, code: int, message: str, errors: Mapping[str, Json] | None = None
    ) -> None:
        super().__init__(f"{status} {code} {message} {errors or ''}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def answer(self) -> Answer:
        body: dict[str, Json] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return as_json(self.status, body)


def unknown_webhook() -> Refused:
    return Refused(404, 10015, "Unknown Webhook")


def unknown_message() -> Refused:
    return Refused(404, 10008, "Unknown Message")


def unknown_channel() -> Refused:
    return Refused(404, 10003, "Unknown Channel")


def thread_archived() -> Refused:
    return Refused(400, 50083, "Thread is archived")


def thread_locked() -> Refused:
    return Refused(400, 160005, "Thread is locked")


def invalid_token() -> Refused:
    return Refused(401, 50027, "Invalid Webhook Token")


def empty_message() -> Refused:
    return Refused(400, 50006, "Cannot send an empty message")


def too_large() -> Refused:
    return Refused(413, 40005, "Request entity too large")


def invalid_json() -> Refused:
    return Refused(400, 50109, "The request body contains invalid JSON.")


def as_json(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, encoded, {"Content-Type": "application/json", **VIA, **(headers or {})})


def as_html(status: int, page: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, page.encode(), {"Content-Type": "text/html; charset=UTF-8", **(headers or {})})


def limited(scope: Scope, retry_after_s: float, *, code: int | None = None) -> Answer:
    """429. `retry_after` is float seconds, the header its ceiling; Cloudflare sends neither."""
    if scope == "cloudflare_html":
        return as_html(429, CLOUDFLARE_PAGE)
    if scope == "cloudflare_json":
        return Answer(429, json.dumps(CLOUDFLARE_JSON).encode(), {"Content-Type": "application/json"})
    body: dict[str, Json] = {
        "message": "You are being rate limited.",
        "retry_after": round_up_ms(retry_after_s),
        "global": scope == "global",
    }
    if code is not None:
        body["code"] = code
    headers = {"Retry-After": str(math.ceil(round_up_ms(retry_after_s))), "X-RateLimit-Scope": scope}
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return as_json(429, body, headers)


def round_up_ms(seconds: float) -> float:
    """Never shorter than the true wait; the 1e-6 keeps float dust from adding a whole millisecond."""
    return max(0.0, math.ceil(seconds * 1000 - 1e-6) / 1000)
