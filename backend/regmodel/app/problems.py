"""Errors as problem+json (RFC 9457), one shape for all; what was wrong with which field is in `errors`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Refused(Exception):
    """A request that cannot be served, raised by a handler."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.problem = Problem(title=title, status=status, detail=detail, errors=list(errors))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: what it may answer besides success. Metrics start at 0 from this list."""
    return {status: {"model": Problem} for status in statuses}


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(exclude_defaults=False)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101 - Starlette types handlers by the base class
    return answer(error.problem)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [FieldError(field=_field(e["loc"]), message=str(e["msg"])) for e in error.errors()[:20]]
    detail = "; ".join(f"{e.field}: {e.message}" for e in found[:3])
    return answer(Problem(title="Invalid request", status=422, detail=detail, errors=found))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    problem = Problem(title=str(error.detail), status=error.status_code, detail=str(error.detail))
    return answer(problem, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(Problem(title="Internal error", status=500, detail="the service's log tells more"))


def _field(location: Sequence[int | str]) -> str:
    """`rows.3.at` for a value in the body; the header's or path parameter's name else."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])
