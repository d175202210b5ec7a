"""Pictures for pages, notebooks and READMEs: rows with the same seeds, or a sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from trimtab.errors import UsageError
from trimtab.storage import write_atomic

SIDE = 208  # in pixels, twice the displayed size, for dense screens
TILE, GAP, LABEL = 224, 12, 44  # of the strip, in pixels, also for dense screens
GREY = (122, 129, 148, 255)  # readable on both light and dark pages


def data_uri(picture: Image.Image, side: int = SIDE) -> str:
    """Return a picture as a WebP data URI, with its longer side `side` pixels long.

    Small pictures are enlarged here, since browsers do it less well.
    """
    buffer = io.BytesIO()
    _sized(picture, side).save(buffer, "WEBP", quality=86, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def gallery(
    seeds: Sequence[int], rows: Sequence[tuple[str, Sequence[Image.Image | None]]]
) -> Markup:
    """Return rows of pictures with the same seeds as an HTML table.

    Parameters
    ----------
    seeds : sequence of int
        Seeds of the columns.
    rows : sequence of (str, sequence of PIL.Image.Image or None)
        Label and pictures, one per seed; None where there is no picture to show.
    """
    head = Markup().join(Markup('<th scope="col">{}</th>').format(seed) for seed in seeds)
    body = Markup("\n").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            label,
            Markup().join(
                Markup("<td>{}</td>").format(_picture(picture, f"{label}, seed {seed}"))
                for seed, picture in zip(seeds, pictures, strict=True)
            ),
        )
        for label, pictures in rows
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="pictures of the same seeds">\n'
        '<table class="gallery" style="--rows: {}">\n'
        '<thead><tr><th scope="col">seed</th>{}</tr></thead>\n'
        "<tbody>\n{}\n</tbody></table></div>"
    ).format(1 + len(seeds), head, body)


def contact_sheet(pictures: Sequence[tuple[str, Image.Image | None]]) -> Markup:
    """Return pictures side by side as HTML, with as many in a row as fit.

    Parameters
    ----------
    pictures : sequence of (str, PIL.Image.Image or None)
        Caption, such as the seed, and picture; None if there is no picture.
    """
    figures = Markup("\n").join(
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(
            _picture(picture, f"picture {label}"), label
        )
        for label, picture in pictures
    )
    return Markup('<div class="sheet">\n{}\n</div>').format(figures)


def with_box(picture: Image.Image, box: Sequence[float]) -> Image.Image:
    """Return a picture as large as a thumbnail, with a box around something in it.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture.
    box : sequence of float
        Left, top, right and bottom, in its pixels.
    """
    drawn = _sized(picture, SIDE)
    pen, scale = ImageDraw.Draw(drawn), SIDE / max(picture.size)
    left, top, right, bottom = (round(scale * side) for side in box)
    right, bottom = min(right, drawn.width - 1), min(bottom, drawn.height - 1)
    for inset, colour in ((0, "#ffffff"), (2, "#1c2230")):  # seen on any background
        corners = (left + inset, top + inset, right - inset, bottom - inset)
        if corners[0] < corners[2] and corners[1] < corners[3]:
            pen.rectangle(corners, outline=colour, width=2)
    return drawn


def write_strip(rows: Mapping[str, Sequence[Image.Image]], to: str | Path) -> Path:
    """Write rows of pictures with the same seeds as one PNG, for a README.

    Parameters
    ----------
    rows : mapping of str to sequence of PIL.Image.Image
        Heading to pictures with the same seeds: plain first, then steered.
    to : str or Path
        The file. Its background is transparent, so that it fits light and dark pages.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If there are no pictures, or the rows differ in length.
    FileError
        If the file cannot be written.
    """
    lengths = {len(pictures) for pictures in rows.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise UsageError(
            got=f"rows of {' and '.join(map(str, sorted(lengths))) or 'no'} pictures",
            expected="the same number of pictures in each row, at least one",
            do="pass the pictures of the same seeds",
        )
    from matplotlib.font_manager import findfont  # slow to import

    (columns,) = lengths
    width = columns * (TILE + GAP) - GAP
    height = len(rows) * (LABEL + TILE + GAP) - GAP
    strip = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pen = ImageDraw.Draw(strip)
    font = ImageFont.truetype(findfont("DejaVu Sans"), 27)  # comes with matplotlib
    for row, (label, pictures) in enumerate(rows.items()):
        top = row * (LABEL + TILE + GAP)
        pen.text((0, top), label, font=font, fill=GREY)
        for column, picture in enumerate(pictures):
            tile = _sized(picture, TILE)
            strip.paste(tile, (column * (TILE + GAP), top + LABEL), _rounded(tile.size))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", optimize=True)
    path = Path(to)
    write_atomic(path, buffer.getvalue())
    return path


def _picture(picture: Image.Image | None, says: str) -> Markup:
    if picture is None:
        return Markup('<span class="none">none</span>')
    return Markup('<img src="{}" alt="{}" width="104" height="104" loading="lazy">').format(
        data_uri(picture), says
    )


def _sized(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _rounded(size: tuple[int, int]) -> Image.Image:
    # Drawn at four times the size, since PIL does not smooth edges.
    mask = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * size[0] - 1, 4 * size[1] - 1), 64, 255)
    return mask.resize(size, Image.Resampling.LANCZOS)
