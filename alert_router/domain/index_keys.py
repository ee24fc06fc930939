"""Keys that fit into a database index, however long the text they are made of. Pure."""

import hashlib

MAX_BYTES = 1_000
"""PostgreSQL's indexes take rows of 2,704 bytes; SQLite's take any."""
NAME_CHARS = 250


def hash_if_long(text: str) -> str:
    """The text itself; its hash when it is too long for an index."""
    data = text.encode()
    return text if len(data) <= MAX_BYTES else f"sha256:{hashlib.sha256(data).hexdigest()}"


def truncate(text: str) -> str:
    """For texts that people read, too: cut, with an ellipsis, when too long."""
    return text if len(text) <= NAME_CHARS else text[: NAME_CHARS - 1] + "…"
