"""Errors as problem+json (RFC 9457), one shape for all; `errors` names each invalid field."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
CHALLENGE = {"WWW-Authenticate": "Bearer"}


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class ProblemError(Exception):
    """A request that cannot be served, raised by a handler."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.problem = Problem(title=title, status=status, detail=detail, errors=list(errors))


def invalid(field: str, message: str) -> ProblemError:
    """The 422 for one field that is valid by its type and yet cannot be used."""
    return ProblemError(
        422, "Invalid request", f"{field}: {message}", [FieldError(field=field, message=message)]
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: its answers besides success. Metrics start at 0 from this list."""
    return {status: {"model": Problem} for status in statuses}


def install(app: FastAPI) -> None:
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(), problem.status, headers, media_type=MEDIA_TYPE)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 - Starlette types handlers by the base class
    return _answer(error.problem, CHALLENGE if error.problem.status == 401 else None)  # noqa: PLR2004


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [FieldError(field=_field(e["loc"]), message=str(e["msg"])) for e in error.errors()[:MAX_ERRORS]]
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors[:3])
    return _answer(Problem(title="Invalid request", status=422, detail=detail, errors=errors))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    problem = Problem(title=str(error.detail), status=error.status_code, detail=str(error.detail))
    return _answer(problem, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(
        Problem(title="Internal error", status=500, detail="internal error; see the service's log")
    )


def _field(location: Sequence[int | str]) -> str:
    """`rows.3.at` for a value in the body; the header's or path parameter's name else."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])
