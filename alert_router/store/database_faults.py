"""Names the fault of a database in words that anybody may read: no host, no path, no user."""

from collections.abc import Mapping
from typing import Any

DAMAGED = "is damaged"
FULL = "has no space left on its disk"
LOCKED = "is locked by another process"
READ_ONLY = "is read-only"
UNREACHABLE = "cannot be reached"
INTERRUPTED = "was interrupted"

SQLITE: Mapping[str, str] = {
    "BUSY": LOCKED,
    "LOCKED": LOCKED,
    "FULL": FULL,
    "READONLY": READ_ONLY,
    "IOERR": "cannot read or write its file",
    "CORRUPT": DAMAGED,
    "NOTADB": DAMAGED,
    "CANTOPEN": "cannot open its file",
    "PERM": "may not open its file",
    "INTERRUPT": INTERRUPTED,
}
"""By the primary result code, https://www.sqlite.org/rescode.html."""
POSTGRESQL: Mapping[str, str] = {
    "25006": READ_ONLY,
    "28": "refuses the router's login",
    "53100": FULL,
    "53": "has no resources left",
    "55P03": LOCKED,
    "57014": INTERRUPTED,
    "57": "is shutting down",
    "58": "cannot read or write its files",
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
"""By SQLSTATE or its class, https://www.postgresql.org/docs/current/errcodes-appendix.html."""


def of(error: object) -> str | None:
    """What is wrong with the database; None: the statement is at fault, or the reason is not known."""
    name = _sqlite_name(error)
    if name is not None:
        return SQLITE.get(name)
    state = str(getattr(error, "sqlstate", None) or "")
    return POSTGRESQL.get(state) or POSTGRESQL.get(state[:2])


def _sqlite_name(error: Any) -> str | None:
    """SQLITE_IOERR_FSYNC: IOERR. None: no error of SQLite."""
    parts = str(getattr(error, "sqlite_errorname", "")).split("_")
    return parts[1] if len(parts) > 1 else None
