"""Atomically written local files."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from trimtab.errors import FileError

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``, called after each piece of finished work."""

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_numbers = itertools.count()


def sha256(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, sync it, and rename it into place.

    Parameters
    ----------
    path : Path
        The file. A missing folder is created, and an existing file is replaced.
    data : bytes
        The complete content.

    Raises
    ------
    FileError
        If the disk is full or the file cannot be written; no incomplete file remains.
    """
    with _written(path, data) as temporary:
        temporary.replace(path)


def write_new(path: Path, data: bytes) -> bool:
    """Write a file as `write_atomic` does, unless it exists; the first of two writers wins.

    Returns
    -------
    bool
        Whether it was written.

    Raises
    ------
    FileError
        As in `write_atomic`.
    """
    if path.exists():
        return False
    with _written(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # no hard links on this filesystem
            if path.exists():
                return False
            temporary.replace(path)
    return True


def remove_stale(folder: Path) -> None:
    """Remove temporary files of local processes that were killed while writing."""
    with contextlib.suppress(OSError):
        for file in folder.glob(f".*.{_HOST}-*.tmp"):
            process = file.name.split(".")[-2].split("-")[1]
            if process.isdigit() and not _is_alive(int(process)):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Yield a temporary file with the data, synced and next to `path`; remove it afterwards."""
    name = f".{path.name}.{_HOST}-{os.getpid()}-{next(_numbers)}.tmp"
    temporary = path.with_name(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    except OSError as error:
        raise unwritable(str(path), len(data), error) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be invalid
            temporary.unlink(missing_ok=True)


def unwritable(path: str, size: int, error: OSError) -> FileError:
    """Return the error for a file that could not be written."""
    return FileError(
        got=f"{error.strerror or error} while writing {path}",
        expected=f"space for {size} bytes and permission to write there",
        do="free some space or choose another folder, then run again; finished work is kept",
    )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
