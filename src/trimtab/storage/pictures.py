"""Pictures as PNG files with a record in a text chunk, and hashes of their content."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trimtab.errors import FileError
from trimtab.storage.decoding import CHUNK, decoded
from trimtab.storage.files import sha256

SHARD = 1000
"""Number of seeds per folder."""
_ROWS = 256  # of a picture, hashed at a time


def segment_of(spec: str, prompt: str, seed: int) -> str:
    """Return the folder of a picture, the same in the index and among the images.

    Parameters
    ----------
    spec : str
        Full hash of the spec.
    prompt : str
        Any text; empty for pictures made elsewhere.
    seed : int
        At least 0.
    """
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower())[:40].strip("-") or "prompt"
    return f"{spec[:16]}/{words}-{sha256(prompt.encode())[:8]}/{seed // SHARD:03d}"


def file_of(spec: str, prompt: str, seed: int) -> str:
    """Return the file name of a picture in a store."""
    return f"images/{segment_of(spec, prompt, seed)}/{seed:06d}.png"


def picture_hash(image: Image.Image) -> str:
    """Return the hash of a picture's content: width, height and pixels in RGB."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width} {rgb.height} ".encode())
    for top in range(0, rgb.height, _ROWS):  # a photograph's bytes at once would double its memory
        digest.update(rgb.crop((0, top, rgb.width, min(top + _ROWS, rgb.height))).tobytes())
    return digest.hexdigest()


def encode_png(image: Image.Image, record: Mapping[str, Any]) -> bytes:
    """Return the bytes of a picture with its record."""
    info = PngInfo()
    info.add_itxt(CHUNK, json.dumps(record, ensure_ascii=False, sort_keys=True))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def decode_picture(data: bytes, where: str) -> Image.Image:
    """Read a complete picture in any format, as in `as_shown`; its record is in ``info``.

    Raises
    ------
    FileError
        If it is damaged.
    """
    try:
        return decoded(data)
    except Exception as error:  # decoders raise anything for broken files
        raise unreadable(where, f"{error}".replace(f"{where!r}", "it")) from error


def record_of(image: Image.Image, where: str) -> dict[str, Any]:
    """Return the record of a picture written by `encode_png`.

    Raises
    ------
    FileError
        If it has no record.
    """
    try:
        record = json.loads(image.info.get(CHUNK, ""))
    except (TypeError, ValueError):
        record = None
    if not isinstance(record, dict):
        raise FileError(
            got=f"picture {where} without a record",
            expected="a picture made by generate",
            do="name another file",
        )
    return record


def unreadable(where: str, problem: str) -> FileError:
    """Return the error for a picture that cannot be read."""
    return FileError(
        got=f"picture {where}, which cannot be read ({problem})",
        expected="a complete picture",
        do="delete it and run again to recreate it",
    )
