"""Logs in at Airflow and renews the token when it is refused. No other module uses the password."""

from collections.abc import Generator

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

CREATED = 201
REFUSED = frozenset({401, 403})
"""401: the token has expired. 403: it was signed with another key, as after a new installation."""

Flow = Generator[httpx.Request, httpx.Response, None]


class Unavailable(Exception):
    """Airflow does not answer, or its answer is invalid. The text holds no secret."""


class _Answer(BaseModel):
    access_token: str


class TokenAuth(httpx.Auth):
    requires_response_body = True

    def __init__(self, airflow_url: str, username: str, password: SecretStr) -> None:
        self._url = f"{airflow_url}/auth/token"
        self._username = username
        self._password = password
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Flow:
        if self._token is None:
            yield from self._log_in(request)
        response = yield self._signed(request)
        if response.status_code in REFUSED:
            yield from self._log_in(request)
            yield self._signed(request)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _log_in(self, request: httpx.Request) -> Flow:
        self._token = None
        body = {"username": self._username, "password": self._password.get_secret_value()}
        # Timeouts are in the extensions: without them this request could wait for ever.
        response = yield httpx.Request("POST", self._url, json=body, extensions=request.extensions)
        if response.status_code != CREATED:
            raise Unavailable(f"log-in: HTTP {response.status_code}")
        try:
            self._token = _Answer.model_validate_json(response.content).access_token
        except ValidationError:
            raise Unavailable("log-in: the answer has no token") from None
