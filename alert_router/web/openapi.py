"""The parts of the OpenAPI document that FastAPI cannot derive: raw bodies, problem documents, pages."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from alert_router.domain.access import Role
from alert_router.sources import events
from alert_router.sources.errors import FieldError
from alert_router.web import problems, routes_access

REF_TEMPLATE = "#/components/schemas/{model}"
Responses = dict[int | str, dict[str, Any]]
DESCRIPTIONS: Mapping[int, str] = {
    400: "A filter, or the path, is invalid; the answer says what",
    401: "No valid credential",
    403: "Not allowed with this credential, from this address or from this page",
    404: "Not found",
    409: "The incident is not firing, or this was done already",
    410: "The link has expired",
    413: "The body is larger than the limit",
    414: "The query is longer than the limit",
    415: "The body is not JSON",
    421: "The router is not known under this name: set ALERT_ROUTER_EXTERNAL_URL",
    422: "The request is invalid; the answer names the fields",
    502: "Alertmanager did not take the silence",
    503: "The database is not available: send it again",
}
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of ALERT_ROUTER_INGEST_TOKENS, or of the tokens of --web.config.file",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "One of ALERT_ROUTER_USERS, or of basic_auth_users of --web.config.file",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Grafana-Alerting-Signature",
        "description": "HMAC-SHA256 of timestamp:body, with X-Grafana-Alerting-Timestamp",
    },
}
HTML: Responses = {200: {"content": {"text/html": {}}}}
"""For routes that answer browsers with a page."""
REDIRECT: Responses = {
    303: {"description": "To a browser, instead of a body: the page that shows the result"}
}


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError]


def errors(*statuses: int) -> Responses:
    """The answers of a route when something is wrong, as problem documents."""
    schema = {"$ref": REF_TEMPLATE.format(model=ProblemDocument.__name__)}
    return {
        status: {"description": DESCRIPTIONS[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def json_body(
    schema: Mapping[str, Any], example: Mapping[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """openapi_extra for a handler that reads its body raw, so that FastAPI cannot see the schema."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def _add_access(path: str, method: str, operation: dict[str, Any]) -> None:
    """Who may call it, and what everybody else hears: `guard` answers before the route does."""
    needed = routes_access.needed(method.upper(), path, public_metrics=True)
    if needed:
        schemes = [*SCHEMES] if Role.SEND in needed else [name for name in SCHEMES if name != "signature"]
        operation["security"] = [{name: []} for name in schemes]
    answers = errors(*((400, 401, 403, 414, 421, 503) if needed else (400, 414)))
    by_text = {str(status): answer for status, answer in answers.items()}
    operation["responses"] = dict(sorted((by_text | operation["responses"]).items()))


def json_body_examples(
    schema: Mapping[str, Any], examples: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The same, with an example for each kind of body."""
    named = {name: {"value": dict(example)} for name, example in examples.items()}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "examples": named}},
        }
    }


def add_schemas(app: FastAPI) -> None:
    """Add the schemas that `errors` and the body of POST /events refer to, and who may do what."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= events.schema(REF_TEMPLATE).get("$defs", {})
        problem = ProblemDocument.model_json_schema(ref_template=REF_TEMPLATE)
        schemas |= problem.pop("$defs")
        schemas[ProblemDocument.__name__] = problem
        document["components"]["securitySchemes"] = SCHEMES
        for path, item in document["paths"].items():
            for method, operation in item.items():
                _add_access(path, method, operation)
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
