"""What the process of `trimtab.storage.decoder` does: it reads requests and answers them."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import time
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from trimtab.storage.decoding import opened, shown, texts_of
from trimtab.storage.formats import FORMATS, PLUGINS
from trimtab.storage.pictures import picture_hash
from trimtab.storage.reduction import LONGEST, Reduction

MEMORY = 4 << 30
"""Bytes of memory that the process may use: enough for the largest picture that Pillow opens, of
179 million pixels."""
TEXT = 1 << 28
"""Bytes of a PNG's text or colour profile; Pillow refuses a picture with more than a million."""
_KNOWN = {
    b"\0\x05\x16\x07": "it is a side file of macOS, not a picture",
    b"<!DO": "it is a web page", b"<htm": "it is a web page", b"<HTM": "it is a web page",
    b"<svg": "it is an SVG drawing", b"<?xm": "it is XML",
    b"%PDF": "it is a PDF", b"%!PS": "it is PostScript", b"8BPS": "it is a Photoshop file",
    b"\xff\x0a": "it is a JPEG XL picture", b"\0\0\0\x0cJXL": "it is a JPEG XL picture",
    b"DDS ": "it is a DDS texture", b"qoif": "it is a QOI picture",
    b"vers": "it is a pointer of Git LFS, not the picture",
}  # fmt: skip


def serve() -> None:
    """Answer requests until the input is closed."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # libraries print warnings
        os.dup2(null, stream)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    AvifImagePlugin.DEFAULT_MAX_THREADS = 2  # more are not faster, and each takes memory
    PngImagePlugin.MAX_TEXT_CHUNK = TEXT
    PngImagePlugin.MAX_TEXT_MEMORY = 4 * TEXT
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    formats = (*FORMATS, *_plugins())
    with open(requests, "rb") as lines, open(answers, "wb") as out:
        out.write(b"+")  # ready
        out.flush()
        for line in lines:
            _answer(json.loads(line), formats, out)


def _plugins() -> list[str]:
    """Return the formats that installed packages add."""
    found = []
    for one in PLUGINS:
        with contextlib.suppress(Exception):
            if one.installed:
                module = importlib.import_module(one.module)
                if one.opener:
                    getattr(module, one.opener)()
                found.append(one.format)
    return found


def _answer(request: dict[str, Any], formats: tuple[str, ...], out: BinaryIO) -> None:
    """Write the answer to one request: a line of JSON, then pixels."""
    path = os.fsdecode(bytes.fromhex(request["path"]))
    _limit_time(request["seconds"])
    answer: dict[str, Any]
    try:
        answer, pixels = _read(path, request, formats)
    except BaseException as error:
        answer = {"problem": _problem(error, path), "again": isinstance(error, MemoryError)}
        pixels = []
    answer["bytes"] = sum(len(part) for part in pixels)
    out.write(json.dumps(answer).encode() + b"\n")
    for part in pixels:
        out.write(part)
    out.flush()


def _read(
    path: str, request: dict[str, Any], formats: tuple[str, ...]
) -> tuple[dict[str, Any], list[bytes]]:
    with opened(path, formats) as image:
        size = image.size
        if max(size) > LONGEST * min(size):
            raise ValueError(f"{size[0]} x {size[1]} pixels are too long and narrow")
        rgb, blank = shown(image)
        texts = texts_of(image)
    picture = picture_hash(rgb)
    side = request["thumbnail"]
    small = _small(rgb, side) if side else None
    size = rgb.size
    if request["reduction"] is not None:
        rgb = Reduction(**request["reduction"])(rgb)
    answer = {
        "picture": picture,
        "blank": blank,
        "size": size,
        "given": rgb.size,
        "thumbnail": None if small is None else small.size,
        "texts": texts,
    }
    return answer, [rgb.tobytes(), *([small.tobytes()] if small is not None else [])]


def _small(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _limit_time(seconds: float) -> None:
    """End this process if a file takes too long, even if nobody waits for it any more."""
    with contextlib.suppress(OSError, ValueError):
        most = int(time.process_time() + 2 * seconds) + 10
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _problem(error: BaseException, path: str) -> str:
    """Return why a file cannot be read, on one short line."""
    if isinstance(error, UnidentifiedImageError):
        return _unknown(path)
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    if isinstance(error, Image.DecompressionBombError):
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"it has more than {most / 1e6:.0f} million pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).replace(path, "it").split())[:160]
    return (
        said
        if isinstance(error, OSError | ValueError) and said
        else (f"{type(error).__name__}{': ' if said else ''}{said}")
    )


def _unknown(path: str) -> str:
    """Return what a file is that Pillow does not know."""
    with contextlib.suppress(OSError):
        with open(path, "rb") as file:
            head = file.read(64)
        if not head:
            return "the file is empty"
        if not any(head):
            return "the file contains only zeros"
        for start, kind in _KNOWN.items():
            if head.startswith(start):
                return kind
        if head[4:8] == b"ftyp":
            if head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis"):
                return "it is an HEIC picture, which needs pip install pillow-heif"
            return "it is a film, or a damaged picture"
    return "it is damaged, or not a picture in a format that is read"
