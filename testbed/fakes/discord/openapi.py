"""Checks payloads and answers against Discord's OpenAPI description, where it lies beside the repository."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SPEC = Path(__file__).parents[4] / "shared" / "reference" / "discord-webhook-openapi.json"


def validate_execute(payload: Mapping[str, Any]) -> list[str] | None:
    """What is wrong with the body of a create, one line each; None when the description is not there.

    The description admits an edit's body for a create too; this asks for the create's own, which is narrower.
    """
    return validate("IncomingWebhookRequestPartial", payload)


def validate_edit(payload: Mapping[str, Any]) -> list[str] | None:
    return validate("IncomingWebhookUpdateRequestPartial", payload)


def validate(schema: str, value: Any) -> list[str] | None:
    """Against any schema of the description, such as MessageResponse."""
    validator = _validator(schema)
    if validator is None:
        return None
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def _validator(schema: str) -> Any:
    if not SPEC.is_file():
        return None
    # The demo runs the fake without the packages of the tests.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    components = json.loads(SPEC.read_text(encoding="utf-8"))["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components})
