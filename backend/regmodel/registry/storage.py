"""The registry's files through fsspec: complete or absent, with one winner of concurrent creates."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem


@dataclass(frozen=True, slots=True)
class Storage:
    files: AbstractFileSystem
    root: str

    @classmethod
    def at(cls, url: str) -> "Storage":
        files, root = fsspec.core.url_to_fs(url)
        return cls(files, root.rstrip("/"))

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self.files.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """File names in the folder, sorted; none when it is absent."""
        try:
            self.files.invalidate_cache(self.path(folder))
            paths = self.files.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(path).rsplit("/", 1)[-1] for path in paths)

    def replace(self, name: str, content: bytes) -> None:
        """Readers see the old file or the new one. An object store's put is atomic by itself."""
        if isinstance(self.files, LocalFileSystem):
            Path(self._write_temporary(name, content)).replace(self.path(name))
        else:
            self.files.pipe_file(self.path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write the file unless the name exists; False when it does. One of several writers gets True."""
        if not isinstance(self.files, LocalFileSystem):
            return self._create_remote(name, content)
        temporary = self._write_temporary(name, content)
        try:
            # A link fails when the name exists, and appears with its whole content: exclusive and atomic.
            os.link(temporary, self.path(name))
        except FileExistsError:
            return False
        finally:
            Path(temporary).unlink()
        return True

    def remove(self, name: str) -> None:
        """No error when it is absent: another process may be cleaning up too."""
        with contextlib.suppress(FileNotFoundError):
            self.files.rm(self.path(name), recursive=True)

    def _create_remote(self, name: str, content: bytes) -> bool:
        try:
            self.files.pipe_file(self.path(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    def _write_temporary(self, name: str, content: bytes) -> str:
        """A finished, synced temporary file in the same folder."""
        temporary = f"{self.path(name)}.{secrets.token_hex(6)}.tmp"
        Path(temporary).parent.mkdir(parents=True, exist_ok=True)
        with Path(temporary).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary
