"""Pictures on the page and in the README: same seeds, rows under each other."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from trimtab.errors import UsageError
from trimtab.generation import ImageSet
from trimtab.storage import write_atomic

COLUMNS = 10
SIDE = 208  # pixels: twice what the page shows, for dense screens
TILE, GAP, LABEL = 224, 12, 44  # of the strip, in pixels, again for dense screens
GREY = (122, 129, 148, 255)  # readable on a white and on a dark page


def data_uri(image: Image.Image, side: int = SIDE) -> str:
    """Return a picture as WebP inside a URI, its longer side `side` pixels.

    Small pictures are enlarged here: a browser would do it with less care.
    """
    buffer = io.BytesIO()
    _sized(image, side).save(buffer, "WEBP", quality=86, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


class Gallery:
    """Opens sets of pictures, each once, and makes rows of the same seeds."""

    def __init__(self) -> None:
        self._sets: dict[Path, ImageSet | None] = {}

    def open(self, folder: Path) -> ImageSet | None:
        """Return the set in a folder, or None where there is no such folder."""
        if folder not in self._sets:
            self._sets[folder] = ImageSet.from_folder(folder) if folder.is_dir() else None
        return self._sets[folder]

    def row(self, folder: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return a cell per seed; one without ``uri`` where there is no picture to show."""
        images = self.open(folder)
        cells: list[dict[str, Any]] = []
        for seed in seeds:
            at = images.seeds.index(seed) if images and seed in images.seeds else None
            if images is None or at is None or images.blocked[at]:
                cells.append({"seed": seed, "uri": None})
            else:
                cells.append({"seed": seed, "uri": data_uri(images[at])})
        return cells


def before_after(rows: Mapping[str, ImageSet], seeds: Iterable[int], to: str | Path) -> Path:
    """Write rows of the same seeds, one under the other, as a PNG for a README.

    Parameters
    ----------
    rows : mapping of str to ImageSet
        Pictures of the same seeds by what stands above them: plain first, then steered.
    seeds : iterable of int
        Which of them, from left to right.
    to : str or Path
        The file. Its background is clear, so that it fits light and dark pages.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If there are no seeds, or a set lacks one.
    FileError
        If the file cannot be written.
    """
    chosen = list(seeds)
    for images in rows.values():
        lacking = [seed for seed in chosen if seed not in images.seeds]
        if not chosen or lacking:
            raise UsageError(
                got=f"seed {lacking[0]}" if lacking else "no seeds",
                expected="seeds of which both sets have a picture",
                do=f"choose some of {images.seeds[0]} to {images.seeds[-1]}",
            )
    width = len(chosen) * (TILE + GAP) - GAP
    height = len(rows) * (LABEL + TILE + GAP) - GAP
    strip = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pen = ImageDraw.Draw(strip)
    font = ImageFont.truetype(findfont("DejaVu Sans"), 27)  # comes with matplotlib
    for row, (label, images) in enumerate(rows.items()):
        top = row * (LABEL + TILE + GAP)
        pen.text((0, top), label, font=font, fill=GREY)
        for column, seed in enumerate(chosen):
            tile = _sized(images[images.seeds.index(seed)], TILE)
            strip.paste(tile, (column * (TILE + GAP), top + LABEL), _rounded(tile.size))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", optimize=True)
    path = Path(to)
    write_atomic(path, buffer.getvalue())
    return path


def _sized(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _rounded(size: tuple[int, int]) -> Image.Image:
    # Drawn four times as large: PIL draws edges without smoothing.
    mask = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * size[0] - 1, 4 * size[1] - 1), 64, 255)
    return mask.resize(size, Image.Resampling.LANCZOS)
