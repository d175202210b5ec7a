"""Pictures as files: PNG with a record in a text chunk, read whole or refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trimtab.errors import FileError
from trimtab.storage import write_atomic

CHUNK = "trimtab"


def read_picture(path: Path) -> Image.Image:
    """Read a picture whole, in RGB; its text chunks are in ``info``.

    Raises
    ------
    FileError
        When it is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # what PIL raises for broken files
        raise FileError(
            got=f"picture {path}, which cannot be read ({error})",
            expected="a whole picture",
            do="delete the file and make it again",
        ) from error


def write_png(path: Path, image: Image.Image, record: Mapping[str, Any]) -> None:
    """Write a picture with its record; whole or not at all.

    Raises
    ------
    FileError
        When it cannot be written.
    """
    info = PngInfo()
    info.add_itxt(CHUNK, json.dumps(record, ensure_ascii=False))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    write_atomic(path, buffer.getvalue())


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a picture that `write_png` wrote, after reading the picture whole.

    Raises
    ------
    FileError
        When the picture is missing, damaged, or carries no record.
    """
    text = read_picture(path).info.get(CHUNK, "")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise FileError(
            got=f"picture {path} without a record",
            expected="a picture made by generate",
            do="move it out of the run folder",
        )
    return record
