"""The place of a store: a local folder, or one on any filesystem supported by fsspec."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from trimtab.errors import UsageError
from trimtab.storage.files import remove_stale, unwritable, write_atomic, write_new


class Place(Protocol):
    """A folder with files under relative names; subfolders exist as long as they have files."""

    url: str
    folder: Path | None

    def read(self, name: str) -> bytes:
        """Read a file; raises FileNotFoundError."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically, replacing an existing one."""

    def add(self, name: str, data: bytes) -> bool:
        """Write a file unless it exists; return whether it was written."""

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""

    def names(self, folder: str = "") -> list[str]:
        """List the direct contents of a folder, without hidden files, sorted."""

    def walk(self, folder: str) -> list[str]:
        """List all files below a folder, relative to the place, without hidden ones, sorted."""

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""

    def sweep(self, folder: str) -> None:
        """Remove incomplete files left directly in a folder by killed writers."""


def open_place(url: str | Path) -> Place:
    """Return the place that a path or URL refers to, without creating anything.

    Raises
    ------
    UsageError
        If the URL's filesystem is unknown, or needs a library that is not installed.
    """
    if isinstance(url, Path) or not ("://" in url or "::" in url):
        if not str(url):
            raise UsageError(got="an empty path", expected="a folder or URL", do="name one")
        return _LocalPlace(Path(url))
    try:
        filesystem, path = url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise UsageError(
            got=f"URL {url!r} ({str(error).splitlines()[0]})",
            expected="a folder, or a URL of a filesystem that fsspec supports",
            do="correct the URL, or install the required library",
        ) from error
    local = isinstance(filesystem, LocalFileSystem)
    return _LocalPlace(Path(path)) if local else _RemotePlace(url, filesystem, path)


class _LocalPlace:
    """A local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self._folder, self.url = folder, str(folder)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        write_atomic(self._folder / name, data)

    def add(self, name: str, data: bytes) -> bool:
        return write_new(self._folder / name, data)

    def exists(self, name: str) -> bool:
        return (self._folder / name).is_file()

    def names(self, folder: str = "") -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            found = os.listdir(self._folder / folder)
            return sorted(name for name in found if not name.startswith("."))
        return []

    def walk(self, folder: str) -> list[str]:
        return sorted(self._below(folder))

    def _below(self, folder: str) -> Iterator[str]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.is_dir():
                    yield from self._below(name)
                elif not entry.name.startswith("."):
                    yield name

    def remove(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(f"{self._folder / name}", 0, error) from error

    def sweep(self, folder: str) -> None:
        remove_stale(self._folder / folder)


class _RemotePlace:
    """A folder elsewhere: in an object store, in memory, on another machine.

    Writes are atomic if the filesystem's own uploads are. Of two writers that add the same name,
    the first wins if the filesystem can create exclusively; otherwise the second may win, which
    changes nothing if names are determined by contents.
    """

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        self.folder: Path | None = None
        self.url, self._files, self._path = url, filesystem, path.rstrip("/")

    def read(self, name: str) -> bytes:
        return bytes(self._files.cat_file(self._at(name)))

    def write(self, name: str, data: bytes) -> None:
        self._pipe(name, data)

    def add(self, name: str, data: bytes) -> bool:
        if self.exists(name):
            return False
        try:
            self._pipe(name, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):  # it cannot create exclusively
            self._pipe(name, data)
        return True

    def _pipe(self, name: str, data: bytes, **options: str) -> None:
        path = self._at(name)
        try:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, data, **options)
        except OSError as error:
            if options and isinstance(error, FileExistsError):
                raise
            raise unwritable(f"{self.url}/{name}", len(data), error) from error

    def exists(self, name: str) -> bool:
        return bool(self._files.isfile(self._at(name)))

    def names(self, folder: str = "") -> list[str]:
        path = self._at(folder)
        self._files.invalidate_cache(path)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = [one.rstrip("/").rpartition("/")[2] for one in self._files.ls(path, False)]
            return sorted(name for name in found if name and not name.startswith("."))
        return []

    def walk(self, folder: str) -> list[str]:
        self._files.invalidate_cache(self._at(folder))
        with contextlib.suppress(FileNotFoundError):
            found = self._files.find(self._at(folder))
            start = len(self._path) + 1
            return sorted(one[start:] for one in found if "/." not in one[start - 1 :])
        return []

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(name))

    def sweep(self, folder: str) -> None:
        """Do nothing, since uploads leave no incomplete files."""

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}".rstrip("/")
