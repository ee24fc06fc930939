"""The parts of the OpenAPI document that FastAPI cannot derive: raw bodies, problem documents, pages."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from alert_router.sources import events
from alert_router.sources.errors import FieldError
from alert_router.web import problems

REF_TEMPLATE = "#/components/schemas/{model}"
Responses = dict[int | str, dict[str, Any]]
DESCRIPTIONS: Mapping[int, str] = {
    400: "A filter is invalid; the answer names it",
    401: "No valid bearer token",
    403: "Not allowed from this address or this page",
    404: "Not found",
    409: "The incident is not firing, or this was done already",
    410: "The link has expired",
    413: "The body is larger than the limit",
    415: "The body is not JSON",
    422: "The request is invalid; the answer names the fields",
    502: "Alertmanager did not take the silence",
    503: "The database is not available: send it again",
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
    """Add the schemas that `errors` and the body of POST /events refer to."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= events.schema(REF_TEMPLATE).get("$defs", {})
        problem = ProblemDocument.model_json_schema(ref_template=REF_TEMPLATE)
        schemas |= problem.pop("$defs")
        schemas[ProblemDocument.__name__] = problem
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
