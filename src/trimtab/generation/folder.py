"""Pictures in a folder of files, read when they are needed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from trimtab.errors import FileError
from trimtab.generation.records import ImageRecord
from trimtab.storage import Decoded, Reduction, read_file
from trimtab.storage.decoding import BLANK, CHUNK
from trimtab.storage.formats import SUFFIXES, Listing, listing, shown_name, told_left_out
from trimtab.storage.root import STORE_FILE

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 1 << 20  # bytes of a record
_KINDS = {"seed": int, "prompt": str, "spec": str}


class PictureFile:
    """A file of a picture; calling it reads the picture.

    Parameters
    ----------
    path : Path
        The file.
    thumbnail : int, optional
        Length of the longer side of the small copy to keep when it is read, in pixels; 0 for none.
    """

    def __init__(self, path: Path, thumbnail: int = 0) -> None:
        self.path = path
        self.thumbnail: Image.Image | None = None
        self._side = thumbnail

    def __call__(self) -> Image.Image:
        """Return the picture in full, as a viewer shows it.

        Raises
        ------
        UnreadableError
            If it cannot be read.
        """
        return self.read().image

    def read(self, reduction: Reduction | None = None) -> Decoded:
        """Return the picture, reduced if it is large, with what was found out about it.

        Raises
        ------
        UnreadableError
            If it cannot be read.
        """
        side = 0 if self.thumbnail else self._side
        found = read_file(self.path, reduction, thumbnail=side)
        self.thumbnail = found.thumbnail or self.thumbnail
        if found.blank:
            found.image.info[BLANK] = True
        return found


def pictures_in(path: str | Path) -> Listing:
    """List the pictures in a folder.

    Raises
    ------
    FileError
        If it cannot be read, or has no pictures.
    """
    folder = Path(path)
    try:
        found = listing(folder)
    except OSError as error:
        raise FileError(
            got=f"{shown_name(str(folder))} without pictures ({error.strerror or error})",
            expected="a folder of pictures",
            do="check the path",
        ) from error
    if (folder / STORE_FILE).is_file():
        raise FileError(
            got=f"{folder}, which is a store",
            expected="a folder of pictures",
            do="open it with ImageSet.from_store",
        )
    if not found.files:
        left = told_left_out(found.left_out)
        raise FileError(
            got=f"{shown_name(str(folder))} without pictures{f' ({left})' if left else ''}",
            expected=f"a folder with {', '.join(sorted(SUFFIXES))}",
            do="check the path",
        )
    return found


def record_of_file(path: Path, number: int) -> ImageRecord:
    """Return what a file says about its picture: seed, prompt and spec, if trimtab wrote it.

    Parameters
    ----------
    path : Path
        The file.
    number : int
        Its number, in place of the seed of a picture made elsewhere.
    """
    name, found = shown_name(path.name), _embedded(path)
    wrong = [key for key, kind in _KINDS.items() if type(found.get(key)) is not kind]
    if wrong or not 0 <= found["seed"] < 2**63:
        return ImageRecord(number, "", file=name, numbered=True)
    return ImageRecord(
        found["seed"],
        found["prompt"],
        found["spec"],
        found["intervention"] if isinstance(found.get("intervention"), dict) else None,
        found.get("blocked") is True,
        file=name,
    )


def _embedded(path: Path) -> Mapping[str, Any]:
    """Return the record in a PNG, read without decoding the picture; empty if there is none."""
    try:
        with path.open("rb") as file:
            found = json.loads(_text(file) or "{}") if file.read(8) == _SIGNATURE else {}
    except (OSError, ValueError, zlib.error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(file: BinaryIO) -> str:
    """Return the text chunk that trimtab writes, which precedes the pixels; empty if none."""
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind == b"IDAT":
            break
        if kind == b"iTXt" and length <= _LARGEST:
            data = file.read(length)
            key, _, rest = data.partition(b"\0")
            if key == CHUNK.encode() and len(rest) > 2:
                _, _, text = rest[2:].split(b"\0", 2)
                if rest[0]:
                    text = zlib.decompressobj().decompress(text, _LARGEST)
                return text.decode()
            length = 0
        file.seek(length + 4, 1)
    return ""
