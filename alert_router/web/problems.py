"""Errors as application/problem+json (RFC 9457): one shape for machines, one page for people."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from alert_router.sources.errors import FieldError

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer other than the one hoped for."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """detail: the errors, by default."""
        self.detail = detail or "; ".join(map(str, errors))
        super().__init__(self.detail)
        self.status = status
        self.errors = tuple(errors)
        self._headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "errors": [{"field": error.field, "message": error.message} for error in self.errors],
        }

    def headers(self) -> dict[str, str]:
        retry = {"Retry-After": "1"} if self.status is HTTPStatus.SERVICE_UNAVAILABLE else {}
        return retry | self._headers


def as_json(problem: Problem) -> Response:
    return JSONResponse(
        problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers()
    )


def wants_html(request: Request) -> bool:
    """A browser names text/html; curl and programs do not, or prefer JSON."""
    accept = request.headers.get("accept", "")
    html, json_ = accept.find("text/html"), accept.find("application/json")
    return html >= 0 and (json_ < 0 or html < json_)
