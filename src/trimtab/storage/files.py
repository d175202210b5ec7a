"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from trimtab.errors import FileError

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``, called after each piece of finished work."""


def sha256(data: bytes) -> str:
    """Give the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, sync it, and rename it into place.

    Parameters
    ----------
    path : Path
        The file; its folder is made when missing, an old file is replaced.
    data : bytes
        All of its content.

    Raises
    ------
    FileError
        When the disk is full or the place cannot be written; nothing half-written stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise FileError(
            got=f"{error.strerror or error} while writing {path}",
            expected=f"room for {len(data)} bytes and the right to write there",
            do="free some space or choose another folder, then run again: finished work is kept",
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be what cannot be
            temporary.unlink(missing_ok=True)
