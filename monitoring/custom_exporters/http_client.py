"""GET requests to Airflow's REST API v2: pages, and every trouble turned into Away. Nothing is tried twice.

Trying again is the next look's business, seconds later.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from monitoring.custom_exporters.settings import Settings
from monitoring.custom_exporters.token_auth import Away, TokenAuth

PAGE = 100
"""Airflow's own maximum_page_limit; a lower one is obeyed, because the offset follows what was received."""
OK, NOT_FOUND = 200, 404

Params = Mapping[str, str | int | list[str]]
Wire = TypeVar("Wire", bound=BaseModel)


class Gone(Away):
    """There is no such thing: a run that was deleted since it was listed, or this is not Airflow."""


def client(settings: Settings, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    return httpx.Client(
        base_url=f"{settings.airflow_url}/api/v2",
        auth=TokenAuth(settings.airflow_url, settings.username, settings.password),
        timeout=settings.timeout_s,
        headers={"Accept": "application/json"},
        transport=transport,
    )


class Rest:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def one(self, path: str, kind: type[Wire]) -> Wire:
        return _parsed(kind, self._get(path, {}))

    def pages(
        self, path: str, name: str, kind: type[Wire], params: Params | None = None
    ) -> Iterator[list[Wire]]:
        """Every page that is not empty. The order asked for must put what is new at the end.

        Raises Away when something went from the list meanwhile: the rest has moved up, past the offset.
        """
        offset = before = 0
        while True:
            body = self._get(path, {**(params or {}), "limit": PAGE, "offset": offset})
            page, total = _page(body, name, kind)
            if total < before:
                raise Away("the list changed while it was read")
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
            raise Away(f"no answer ({type(error).__name__})") from None
        if response.status_code == NOT_FOUND:
            raise Gone("HTTP 404")
        if response.status_code != OK:
            raise Away(f"HTTP {response.status_code}")
        return _json(response)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise Away("an answer that is no JSON") from None


def _page(body: Any, name: str, kind: type[Wire]) -> tuple[list[Wire], int]:
    try:
        return TypeAdapter(list[kind]).validate_python(body[name]), int(body["total_entries"])  # type: ignore[valid-type]
    except (KeyError, TypeError, ValueError):
        raise Away(f"an answer without {name} as we know them") from None


def _parsed(kind: type[Wire], body: Any) -> Wire:
    try:
        return kind.model_validate(body)
    except ValueError:
        raise Away("an answer unlike what we know") from None
