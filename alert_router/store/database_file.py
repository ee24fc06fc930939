"""Notices that SQLite's file was deleted or replaced: the open one takes writes that nobody finds again."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

OTHERS = 0o077
SIDE_FILES = ("-wal", "-shm", "-search", "-search-wal", "-search-shm")
Identity = tuple[int, int]
"""Device and inode."""


@dataclass(slots=True)
class DatabaseFile:
    path: Path
    _opened: Identity | None = None

    @classmethod
    def of(cls, database: str | None) -> "DatabaseFile | None":
        """None: a database in memory, or a URI."""
        if not database or database.startswith((":", "file:")):
            return None
        return cls(Path(database).absolute())

    def opened(self) -> None:
        """By a connection: its inode is the one to stay, and other users of the machine may not read it."""
        if self._opened is None:
            self._opened = _identity(self.path)
        for path in (self.path, *(self.path.with_name(f"{self.path.name}{end}") for end in SIDE_FILES)):
            with contextlib.suppress(OSError):  # absent, or another user's
                path.chmod(path.stat().st_mode & ~OTHERS)

    def lost(self) -> str | None:
        """What became of the opened file, in words; None: it is in its place."""
        if self._opened is None:
            return None
        now = _identity(self.path)
        if now is None:
            return "lost its file, which was deleted"
        return None if now == self._opened else "lost its file, which another replaces"

    def __str__(self) -> str:
        return str(self.path)


def create_private(path: Path) -> None:
    """An empty file for SQLite to fill, which would make one that others may read."""
    with contextlib.suppress(OSError):  # it exists, or SQLite says what is wrong
        path.touch(mode=0o600, exist_ok=False)


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
