"""Pictures as a viewer shows them: from a file of any format that is read, to RGB."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageChops

from trimtab.storage.formats import FORMATS

CHUNK = "trimtab"
"""The text chunk of a PNG with the record of a picture."""
TEXTS = (CHUNK, "prompt")
"""The text chunks that are kept: trimtab's own, and the one in which ComfyUI stores its graph."""
BLANK = "trimtab-blank"
"""Set in the ``info`` of a picture in which nothing is visible."""
DEEPEST = 65535  # the largest value of 16 bits
NEARLY_WHITE = 254  # of 255
_ENDLESS = 1e38
SAME = 2  # largest difference, of 255, at which a colour profile counts as sRGB
_STEPS = range(0, 256, 51)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TOUCHED = {"exif", "icc_profile", "transparency", "xmp", "XML:com.adobe.xmp"}
_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "LAB": "LAB"}


@contextlib.contextmanager
def opened(source: Any, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Open a picture at the frame that a viewer shows first; the pixels are not read yet.

    Raises
    ------
    Exception
        Anything that a decoder raises.
    """
    with Image.open(source, formats=formats) as image:
        if getattr(image, "default_image", False):  # shown only by viewers without animation
            image.seek(1)
        yield image


def as_shown(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, as a viewer shows it on a white page.

    It is turned as its EXIF data says, its colour profile is converted to sRGB, transparent parts
    are white, and grey values of more than 8 bits are scaled. Of its ``info``, only `TEXTS` are
    kept, so that a second call changes nothing. `BLANK` is set there if the picture is completely
    transparent, or white on white.

    Parameters
    ----------
    image : PIL.Image.Image
        In any mode; it is not changed.

    Raises
    ------
    Exception
        Anything that a decoder raises.
    """
    if type(image) is Image.Image and image.mode == "RGB" and _TOUCHED.isdisjoint(image.info):
        return image
    rgb, blank = shown(image)
    if rgb is image:
        rgb = image.copy()
    rgb.info = texts_of(image)
    if blank:
        rgb.info[BLANK] = True
    return rgb


def texts_of(image: Image.Image) -> dict[Any, Any]:
    """Return the text chunks of a picture that are kept."""
    return {name: str(image.info[name]) for name in TEXTS if image.info.get(name)}


def shown(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the pixels of `as_shown`, of the same object where it needs no change, and `BLANK`."""
    bits = _bits(image)
    image.load()
    rgb, alpha = _srgb(image), _alpha(image, bits)
    blank = False
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
        blank = all(low >= NEARLY_WHITE for low, _ in rgb.getextrema())  # type: ignore[misc]
    turn = _TURNS.get(_orientation(image))
    return (rgb if turn is None else rgb.transpose(turn)), blank


def decoded(data: bytes) -> Image.Image:
    """Return a picture from the bytes of its file, as a viewer shows it.

    Raises
    ------
    Exception
        Anything that a decoder raises.
    """
    with opened(io.BytesIO(data)) as image:
        return as_shown(image)


def _bits(image: Image.Image) -> int:
    """Return the bits of a grey value in the file; 8 if unknown, which is what most have."""
    tile = getattr(image, "tile", None) or [()]
    mode = next((arg for arg in _flat(tile[0]) if arg in ("1", "L;2", "L;4")), "")
    return {"1": 1, "L;2": 2, "L;4": 4}.get(mode, 8)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _flat(value)
        else:
            yield value


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where the EXIF data is damaged, as viewers do."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        return 1


# Transparency


def _alpha(image: Image.Image, bits: int) -> Image.Image | None:
    """Return the opacity of every pixel, mode L; None if all are opaque."""
    found: Image.Image | None = None
    key = image.info.get("transparency")
    if image.mode in ("RGBA", "LA"):
        found = image.getchannel("A")
    elif image.mode in ("PA", "La", "RGBa") or (image.mode == "P" and key is not None):
        found = image.convert("LA" if image.mode == "La" else "RGBA").getchannel("A")
    elif key is not None:
        found = _keyed(image, key, bits)
    if found is not None and found.getextrema()[0] == 255:
        return None
    return found


def _keyed(image: Image.Image, key: Any, bits: int) -> Image.Image | None:
    """Return the opacity of a picture in which one value is transparent."""
    if image.mode in ("1", "L", "I", "I;16", "I;16B", "I;16L") and isinstance(key, int):
        if image.mode in ("1", "L"):
            value = min(255, key * 255 // (2**bits - 1))  # Pillow scales the pixels, not the key
            return image.convert("L").point([0 if i == value else 255 for i in range(256)])
        table = [0 if i == key else 255 for i in range(DEEPEST + 1)]
        return image.convert("I").point(table, "L")
    if image.mode == "RGB" and isinstance(key, tuple) and len(key) == 3:
        # Of 16 bits, only the upper 8 of a pixel are left.
        values = [value >> 8 if max(key) > 255 else value for value in key]
        same = [
            band.point([255 if i == value else 0 for i in range(256)])
            for band, value in zip(image.split(), values, strict=True)
        ]
        both = ImageChops.multiply(ImageChops.multiply(same[0], same[1]), same[2])
        return ImageChops.invert(both)
    return None


# Colour


def _srgb(image: Image.Image) -> Image.Image:
    """Return the colours of a picture in sRGB, without its transparency."""
    plain = _plain(image)
    profile = image.info.get("icc_profile")
    if profile and (transform := _transform(bytes(profile), plain.mode)):
        try:
            from PIL import ImageCms

            found = ImageCms.applyTransform(plain, transform)
            if found is not None:
                return found
        except Exception:  # a profile that does not work is ignored, as viewers do
            pass
    if plain.mode == "LAB":
        return _of_lab(plain)
    return plain if plain.mode == "RGB" else plain.convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture without transparency in one of the modes that profiles are for."""
    mode = image.mode
    if mode in ("RGB", "L", "CMYK", "LAB"):
        return image
    if mode.startswith("I") or mode == "F":
        return _eight_bits(image)
    if mode in ("1", "LA", "La"):
        return (image.convert("LA") if mode == "La" else image).convert("L")
    if mode == "RGBa":
        image = image.convert("RGBA")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return grey values of more than 8 bits as 8 bits.

    Integers of 16 bits, or of the bits that a TIFF names, are scaled by their range. Floating-point
    numbers from 0 to 1 are scaled by 255, and others up to 255 are kept. Values that exceed these
    have no agreed range: their own is stretched from black to white.
    """
    tags = getattr(image, "tag_v2", {})
    whole = image.mode != "F"
    bits = (tags.get(258) or (16,))[0] if image.mode != "I" else 16
    if whole:
        image = image.convert("I")  # of either order of bytes
    low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
    if not (abs(low) < _ENDLESS and abs(high) < _ENDLESS):  # NaN is neither
        raise ValueError("grey values that are not finite")
    if whole:
        black, white = 0.0, float(2**bits - 1 if 8 < bits < 16 else DEEPEST)
    else:
        black, white = 0.0, 1.0 if low >= 0 and high <= 1 else 255.0
    if low < black or high > white:
        black, white = low, high
    if tags.get(262) == 0:  # white is zero
        black, white = white, black
    scale = 255 / (white - black) if white != black else 1.0
    offset = 0.5 - black * scale
    if whole:
        image = image.convert("F")
    return image.point(lambda value: value * scale + offset).convert("L")


def _of_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    found = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
    assert found is not None  # only a conversion in place returns nothing
    return found


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Any:
    """Return the conversion from a colour profile to sRGB; None if there is nothing to convert.

    A profile that cannot be used, or is for other colours than the picture has, is ignored, as
    viewers do. So is one that changes no colour visibly, which saves the time.
    """
    try:
        from PIL import ImageCms

        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _SPACES.get(found.profile.xcolor_space.strip()) != mode:
            return None
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(found, srgb, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
        if mode in ("RGB", "L"):
            sample = _sample(mode)
            after = ImageCms.applyTransform(sample, transform)
            if after is not None:
                change = ImageChops.difference(sample.convert("RGB"), after)
                if all(high <= SAME for _, high in change.getextrema()):  # type: ignore[misc]
                    return None
    except Exception:
        return None
    return transform


def _sample(mode: str) -> Image.Image:
    """Return one pixel of each of many colours."""
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    colours = [(r, g, b) for r in _STEPS for g in _STEPS for b in _STEPS]
    return Image.frombytes("RGB", (len(colours), 1), bytes(v for one in colours for v in one))
