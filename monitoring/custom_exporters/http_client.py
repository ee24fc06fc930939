"""GET requests to Airflow's REST API v2, with paging; every failure becomes Unavailable.

No request is retried here: the next poll follows in seconds.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from monitoring.custom_exporters.settings import Settings
from monitoring.custom_exporters.token_auth import TokenAuth, Unavailable

PAGE_SIZE = 100
"""Airflow's own maximum_page_limit. A lower limit works too: the offset grows by the rows received."""
OK, NOT_FOUND = 200, 404

Params = Mapping[str, str | int | list[str]]
Wire = TypeVar("Wire", bound=BaseModel)


class NotFound(Unavailable):
    """HTTP 404: the run was deleted after it was listed, or the server is not Airflow."""


def client(settings: Settings, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    return httpx.Client(
        base_url=f"{settings.airflow_url}/api/v2",
        auth=TokenAuth(settings.airflow_url, settings.username, settings.password),
        timeout=settings.timeout_s,
        headers={"Accept": "application/json"},
        transport=transport,
    )


class HttpClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def item(self, path: str, kind: type[Wire]) -> Wire:
        return _parsed(kind, self._get(path, {}))

    def pages(
        self, path: str, name: str, kind: type[Wire], params: Params | None = None
    ) -> Iterator[list[Wire]]:
        """Every page that is not empty. The requested order must put new rows at the end.

        Raises Unavailable when a row was deleted meanwhile: the later rows have moved up, past the offset.
        """
        offset = before = 0
        while True:
            body = self._get(path, {**(params or {}), "limit": PAGE_SIZE, "offset": offset})
            page, total = _page(body, name, kind)
            if total < before:
                raise Unavailable("the list changed while it was read")
            before = total
            if page:
                yield page
            offset += len(page)
            if not page or offset >= total:
                return

    def _get(self, path: str, params: Params) -> Any:
        try:
            response = self._http.get(path, params=httpx.QueryParams(dict(params)))
        except httpx.HTTPError as error:
            raise Unavailable(f"no answer ({type(error).__name__})") from None
        if response.status_code == NOT_FOUND:
            raise NotFound("HTTP 404")
        if response.status_code != OK:
            raise Unavailable(f"HTTP {response.status_code}")
        return _json(response)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise Unavailable("the answer is not JSON") from None


def _page(body: Any, name: str, kind: type[Wire]) -> tuple[list[Wire], int]:
    try:
        return TypeAdapter(list[kind]).validate_python(body[name]), int(body["total_entries"])  # type: ignore[valid-type]
    except (KeyError, TypeError, ValueError):
        raise Unavailable(f"the answer has no valid {name}") from None


def _parsed(kind: type[Wire], body: Any) -> Wire:
    try:
        return kind.model_validate(body)
    except ValueError:
        raise Unavailable("the answer has an unknown shape") from None
