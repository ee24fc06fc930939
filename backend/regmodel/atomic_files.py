"""Small files of the state folder, written so that a reader or a crash never meets half of one."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """The content is on disk under this name when this returns; before that, the old content is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        # Still there only where the disk was full: tried again and again, they would never be swept up.
        temporary.unlink(missing_ok=True)
