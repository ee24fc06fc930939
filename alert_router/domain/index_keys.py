"""Identities that fit an index, whatever they are made of. Pure."""

import hashlib

MAX_BYTES = 1_000
"""PostgreSQL's indexes take rows of 2,704 bytes; SQLite's take any."""
NAME_CHARS = 250


def fitting(text: str) -> str:
    """The text itself; where an index would not take it, its hash."""
    data = text.encode()
    return text if len(data) <= MAX_BYTES else f"sha256:{hashlib.sha256(data).hexdigest()}"


def name(text: str) -> str:
    """For people as well as for an index: what is too long is cut."""
    return text if len(text) <= NAME_CHARS else text[: NAME_CHARS - 1] + "…"
