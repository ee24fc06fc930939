"""Atomic writes of the state folder's small files: a reader or a crash never sees a partial one."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Until this returns the old content is on disk under this name, afterwards the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        # Left over only when the disk was full; repeated attempts would fill it further.
        temporary.unlink(missing_ok=True)
