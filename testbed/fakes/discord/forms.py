"""Reads the body of a request: JSON, or multipart/form-data with payload_json and files[n]."""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from testbed.fakes.discord import limits
from testbed.fakes.discord.answers import Refused, invalid_json, too_large
from testbed.fakes.discord.problems import invalid_form

FILE_PART = re.compile(r"files\[(\d)\]")
CONTENT_TYPES = "{'application/json', 'multipart/form-data'}"


@dataclass(frozen=True, slots=True)
class Upload:
    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    payload: Mapping[str, Any]
    files: Mapping[int, Upload] = field(default_factory=dict)


async def read(body: bytes, content_type: str) -> Form:
    if len(body) > limits.REQUEST_BYTES:
        raise too_large()
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return Form(_json(body))
    if kind == "multipart/form-data":
        return await _multipart(body, content_type)
    message = f'Expected "Content-Type" header to be one of {CONTENT_TYPES}.'
    raise invalid_form({"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": message}]})


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body, parse_constant=_no_constant)
        # A lone surrogate is valid for json.loads but is no text; neither can it be sent back.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid_json() from None
    if not isinstance(value, dict):
        message = "Only dictionaries may be used in a DictType"
        raise invalid_form({"_errors": [{"code": "DICT_TYPE_CONVERT", "message": message}]})
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


async def _multipart(body: bytes, content_type: str) -> Form:
    parser = MultiPartParser(
        Headers({"content-type": content_type}),
        _stream(body),
        max_part_size=limits.REQUEST_BYTES,
    )
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError):
        message = "The multipart body could not be read."
        raise invalid_form({"_errors": [{"code": "MULTIPART_INVALID", "message": message}]}) from None
    try:
        return await _parts(parts)
    finally:
        await parts.close()


async def _parts(parts: FormData) -> Form:
    payload: Mapping[str, Any] = {}
    files: dict[int, Upload] = {}
    for name, part in parts.multi_items():
        if name == "payload_json":
            payload = _json(await part.read() if isinstance(part, UploadFile) else part.encode())
        elif match := FILE_PART.fullmatch(name):
            files[int(match[1])] = await _upload(name, part)
    return Form(payload, files)


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
    yield b""


async def _upload(name: str, part: UploadFile | str) -> Upload:
    if isinstance(part, str) or not part.filename:
        message = f"{name} needs a filename in its Content-Disposition."
        raise Refused(
            400,
            50035,
            "Invalid Form Body",
            {name: {"_errors": [{"code": "BASE_TYPE_REQUIRED", "message": message}]}},
        )
    content = await part.read()
    if len(content) > limits.FILE_BYTES:
        raise too_large()
    return Upload(part.filename, part.content_type or "application/octet-stream", content)
