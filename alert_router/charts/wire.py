"""The frames between the router and the process that draws.

Each way: one byte for the kind, the length of the content in four, the content.
"""

import struct
from typing import BinaryIO

HEADER = struct.Struct("!cI")
READY, REQUEST, DRAWN, FAILED = b"r", b"q", b"d", b"f"
MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_IMAGE_BYTES = 2 * 1024 * 1024


def packed(kind: bytes, content: bytes = b"") -> bytes:
    return HEADER.pack(kind, len(content)) + content


def read(stream: BinaryIO) -> bytes | None:
    """The content of the next request; None at the end."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    _, length = HEADER.unpack(header)
    return stream.read(length) if length <= MAX_REQUEST_BYTES else None
