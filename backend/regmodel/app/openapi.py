"""The OpenAPI document: problems are described as application/problem+json."""

from typing import Any

from fastapi import FastAPI

from backend.regmodel.app.problems import MEDIA_TYPE

PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


def install(app: FastAPI) -> None:
    generate = app.openapi

    def document() -> dict[str, Any]:
        """FastAPI describes every answer with the media type of the route's success; correct the problems."""
        schema = generate()
        for operations in schema["paths"].values():
            for operation in operations.values():
                _correct(operation["responses"])
        return schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _correct(responses: dict[str, dict[str, Any]]) -> None:
    for response in responses.values():
        if PROBLEM in response.get("content", {}).values():
            response["content"] = {MEDIA_TYPE: PROBLEM}
