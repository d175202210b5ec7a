"""Files of pictures: read as a viewer shows them, and never the end of a run."""

from __future__ import annotations

import io
import os
import signal
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from trimtab import townsfolk
from trimtab.generation import ImageSet
from trimtab.recognition import classify, recogniser_for
from trimtab.recognition.reductions import reduction_of
from trimtab.storage import UnreadableError, as_shown, picture_hash, read_file, read_picture
from trimtab.storage.decoder import Decoder
from trimtab.storage.formats import FORMATS

RED, BLUE = (255, 0, 0), (0, 0, 255)
# What a camera does to the upright picture before it names the orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def flag() -> Image.Image:
    """A picture that tells all eight orientations apart."""
    picture = Image.new("RGB", (40, 24), "white")
    picture.paste(RED, (0, 0, 20, 12))
    picture.paste(BLUE, (20, 0, 40, 12))
    return picture


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, pixel: bytes, *more: bytes) -> bytes:
    """A PNG of one pixel, of any depth and colour type."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, depth, colour, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(b"\0" + pixel))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + rows + chunk(b"IEND", b"")


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture
def shown(tmp_path: Path) -> Any:
    """Write a file and return its first pixel and whether nothing is visible."""

    def pixel(data: bytes) -> tuple[Any, bool]:
        (tmp_path / "x.png").write_bytes(data)
        found = read_file(tmp_path / "x.png")
        return found.image.getpixel((0, 0)), found.blank

    return pixel


# As a viewer shows it


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_is_turned_as_its_exif_says(
    format: str, orientation: int, tmp_path: Path
) -> None:
    exif, turn = Image.Exif(), STORED[orientation]
    exif[0x0112] = orientation
    picture = flag() if turn is None else flag().transpose(turn)
    (tmp_path / "x").write_bytes(encoded(picture, format, exif=exif, quality=95))
    found = read_picture(tmp_path / "x")
    assert found.size == (40, 24)
    assert np.abs(np.asarray(found, dtype=int) - np.asarray(flag())).mean() < 4


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG2000"])
def test_grey_of_16_bits_is_scaled(format: str, shown: Any) -> None:
    grey = Image.fromarray(np.full((4, 4), 0x8080, np.uint16))
    assert shown(encoded(grey, format)) == ((128, 128, 128), False)


def test_grey_of_other_depths_is_scaled(shown: Any) -> None:
    assert shown(b"P5 1 1 65535\n\x80\x80")[0] == (128, 128, 128)
    assert shown(b"P5 1 1 1023\n\x02\x01")[0] == (128, 128, 128)
    assert shown(png(2, 0, b"\x80"))[0] == (170, 170, 170)
    assert shown(encoded(Image.new("1", (4, 4), 1), "PNG"))[0] == (255, 255, 255)
    tiff = bytearray(encoded(Image.fromarray(np.full((2, 2), 0xC0C0, np.uint16)), "TIFF"))
    tiff[tiff.find(struct.pack("<HHI", 262, 3, 1)) + 8] = 0  # white is zero
    assert shown(bytes(tiff))[0] == (63, 63, 63)
    big = np.full((2, 2), 0x8080, ">u2").tobytes()  # the other order of bytes
    tiff_head = struct.pack(">2sHIH", b"MM", 42, 8, 9)
    entries = [(256, 3, 2), (257, 3, 2), (258, 3, 16), (259, 3, 1), (262, 3, 1), (277, 3, 1),
               (278, 3, 2)]  # fmt: skip
    body = b"".join(struct.pack(">HHIHH", tag, kind, 1, value, 0) for tag, kind, value in entries)
    at = 8 + 2 + 9 * 12 + 4
    body = body[: 5 * 12] + struct.pack(">HHII", 273, 4, 1, at) + body[5 * 12 :]
    body += struct.pack(">HHII", 279, 4, 1, len(big))
    assert shown(tiff_head + body + bytes(4) + big)[0] == (128, 128, 128)


@pytest.mark.parametrize(("value", "grey"), [(0.5, 128), (128.0, 128), (1000.0, 255)])
def test_floating_point_grey_is_scaled_by_its_range(value: float, grey: int, shown: Any) -> None:
    values = np.array([[value, 0], [0.25, 1]], dtype=np.float32)
    assert abs(shown(encoded(Image.fromarray(values), "TIFF"))[0][0] - grey) <= 1


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_transparent_parts_are_white(format: str, shown: Any) -> None:
    options = {"quality": 100} if format == "AVIF" else {"lossless": True}
    half = encoded(Image.new("RGBA", (4, 4), (*RED, 128)), format, **options)
    colour, blank = shown(half)
    assert np.abs(np.subtract(colour, (255, 127, 127))).max() <= 1 and not blank
    hidden = encoded(Image.new("RGBA", (4, 4), (*RED, 0)), format, **options)
    assert shown(hidden) == ((255, 255, 255), True)


def test_every_kind_of_transparency_is_seen(shown: Any) -> None:
    white = ((255, 255, 255), True)
    assert shown(encoded(Image.new("LA", (4, 4), (0, 128)), "PNG"))[0] == (127, 127, 127)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, *RED])
    assert shown(encoded(palette, "PNG")) == (RED, False)
    for format in ("PNG", "GIF"):
        assert shown(encoded(palette, format, transparency=1)) == white
    assert shown(encoded(palette, "PNG", transparency=b"\xff\x80"))[0] == (255, 127, 127)
    for mode, colour in (("1", 1), ("L", 100), ("RGB", (10, 20, 30))):
        picture = Image.new(mode, (4, 4), colour)  # type: ignore[arg-type]
        assert shown(encoded(picture, "PNG", transparency=colour)) == white
    assert shown(png(2, 0, b"\x80", chunk(b"tRNS", b"\0\2"))) == white
    assert shown(png(2, 0, b"\x80", chunk(b"tRNS", b"\0\1")))[0] == (170, 170, 170)
    assert shown(png(16, 0, b"\x12\x34", chunk(b"tRNS", b"\x12\x34"))) == white
    assert shown(png(16, 0, b"\x12\x35", chunk(b"tRNS", b"\x12\x34")))[0] == (18, 18, 18)
    assert shown(encoded(Image.new("RGBA", (4, 4), (255, 255, 255, 90)), "PNG")) == white


def test_cmyk_is_shown_in_its_colours(shown: Any) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for format in ("JPEG", "TIFF"):
        assert np.abs(np.subtract(shown(encoded(ink, format))[0], RED)).max() <= 2


def swapped() -> bytes:
    """An RGB profile with red and blue exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (n,) = struct.unpack(">I", data[128:132])
    place = {bytes(data[i : i + 4]): i for i in range(132, 132 + 12 * n, 12)}
    red, blue = (slice(place[tag] + 4, place[tag] + 12) for tag in (b"rXYZ", b"bXYZ"))
    data[red], data[blue] = data[blue], data[red]
    return bytes(data)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_colour_profiles_are_applied(format: str, shown: Any) -> None:
    data = encoded(Image.new("RGB", (16, 16), RED), format, icc_profile=swapped(), quality=100)
    assert np.abs(np.subtract(shown(data)[0], BLUE)).max() <= 8


def test_a_profile_that_cannot_be_used_is_ignored(shown: Any) -> None:
    picture = Image.new("RGB", (4, 4), RED)
    large = bytes(36) + b"acsp" + bytes(2_000_000)
    for profile in (large, b"nonsense", swapped()[:200]):
        assert shown(encoded(picture, "PNG", icc_profile=profile)) == (RED, False)
    grey = encoded(Image.new("L", (4, 4), 100), "PNG", icc_profile=swapped())
    assert shown(grey)[0] == (100, 100, 100)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_animated_pictures_are_shown_by_their_first_frame(format: str, shown: Any) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE))
    data = encoded(first, format, save_all=True, append_images=[second], quality=100)
    assert np.abs(np.subtract(shown(data)[0], RED)).max() <= 8


def test_the_still_of_an_animated_png_is_not_its_first_frame(shown: Any) -> None:
    still, frame = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    data = encoded(still, "PNG", save_all=True, append_images=[frame], default_image=True)
    assert shown(data)[0] == BLUE


def test_pictures_in_memory_are_seen_as_a_viewer_shows_them() -> None:
    hidden = Image.new("RGBA", (64, 64), (*RED, 0))
    plain = Image.new("RGB", (64, 64), RED)
    own = townsfolk.model_folder() / "recogniser"
    assert classify([hidden, plain], "gender", own).answer().status.tolist() == ["blocked", "known"]
    assert as_shown(plain) is plain
    assert as_shown(as_shown(hidden)).tobytes() == as_shown(hidden).tobytes()


# Nothing ends a run


def reason(path: Path, decoder: Decoder | None = None) -> str:
    """Why a file cannot be read."""
    with pytest.raises(UnreadableError, match=path.name) as caught:
        (decoder.read if decoder else read_file)(path)
    return caught.value.reason


def test_a_file_that_is_no_picture_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "x.jpg"
    for data, said in (
        (b"", "empty"),
        (bytes(100), "zeros"),
        (b"<!DOCTYPE html>", "web page"),
        (bytes([0, 5, 22, 7]) + b"Mac OS X", "macOS"),
        (b"\0\0\0\x18ftypheic" + bytes(200), "pip install pillow-heif"),
        (encoded(flag(), "EPS"), "PostScript"),
        (encoded(flag(), "TGA"), "damaged, or not a picture"),
        (encoded(flag(), "PNG")[:90], "truncated"),
        (encoded(Image.new("L", (20_000, 1)), "PNG"), "20000 x 1 pixels"),
        (encoded(Image.new("1", (14_000, 14_000)), "PNG"), "more than 179 million pixels"),
    ):
        file.write_bytes(data)
        assert said in reason(file)
    file.unlink()
    assert "No such file" in reason(file)


def test_a_decoder_that_hangs_costs_one_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # opening it never ends
    flag().save(tmp_path / "good.png")
    decoder = Decoder(timeout=1)
    assert reason(tmp_path / "pipe.png", decoder) == "decoding takes more than 1 s"
    assert decoder.read(tmp_path / "good.png").size == (40, 24)
    decoder.close()


def test_a_decoder_that_crashes_costs_one_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    flag().save(tmp_path / "good.png")
    decoder = Decoder()

    def crash() -> None:
        for _ in range(2):  # a file gets a second chance, in a new process
            with open(tmp_path / "pipe.png", "wb"):  # until the decoder opens it
                os.kill(decoder._process.pid, signal.SIGSEGV)  # type: ignore[union-attr]
            time.sleep(0.2)

    killer = threading.Thread(target=crash)
    killer.start()
    said = reason(tmp_path / "pipe.png", decoder)
    killer.join()
    assert said == "the decoder crashed: SIGSEGV"
    assert decoder.read(tmp_path / "good.png").size == (40, 24)
    # What an earlier file left behind is no fault of the next.
    assert decoder._process is not None
    os.kill(decoder._process.pid, signal.SIGSEGV)
    assert decoder.read(tmp_path / "good.png").size == (40, 24)
    decoder.close()


def test_damaged_files_of_every_format_end_nothing(tmp_path: Path) -> None:
    """A short `make faults`: each mutation is read, or is unreadable for a stated reason."""
    rng, read, lost = np.random.default_rng(7), 0, 0
    for format in FORMATS:
        whole = np.frombuffer(encoded(flag(), format), dtype=np.uint8)
        for _ in range(40):
            data = whole.copy()
            places = rng.integers(0, len(data), rng.integers(1, 9))
            data[places] = rng.integers(0, 256, len(places))
            end = len(data) if rng.random() < 0.5 else rng.integers(1, len(data) + 1)
            (tmp_path / "x.png").write_bytes(data[:end].tobytes())
            try:
                assert read_file(tmp_path / "x.png").image.mode == "RGB"
                read += 1
            except UnreadableError as error:
                assert error.reason
                lost += 1
    assert (read > 20, lost > 100) == (True, True), (read, lost)


# Reduction


def test_reducing_a_photograph_changes_nothing_that_the_recogniser_sees(tmp_path: Path) -> None:
    own = recogniser_for(None, townsfolk.model_folder() / "recogniser")
    reduction = reduction_of(own)
    assert reduction is not None
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    photo = Image.fromarray(grain).resize((2600, 1800), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "photo.png")
    found = read_file(tmp_path / "photo.png", reduction, thumbnail=100)
    assert found.image.size == (128, 128) and found.size == (2600, 1800)
    assert found.picture == picture_hash(photo)
    assert found.thumbnail is not None and found.thumbnail.size == (100, 69)
    phrases = (("a photo of a woman",), ("a photo of a man",))
    reduced = own.probabilities([found.image], phrases)
    assert np.array_equal(reduced, own.probabilities([photo], phrases))
    seen = classify(ImageSet.from_folder(tmp_path), "gender", own).probabilities
    assert np.array_equal(seen, classify([photo], "gender", own).probabilities)


def test_a_recogniser_of_ones_own_gets_the_whole_picture(tmp_path: Path) -> None:
    class Sizes:
        seen: list[tuple[int, int]] = []  # noqa: RUF012

        def probabilities(self, images: Any, prompts: Any) -> Any:
            self.seen += [image.size for image in images]
            assert sum(image.width * image.height for image in images) <= 2 * (1 << 25)
            return np.full((len(images), len(prompts)), 0.5)

    for i in range(6):
        Image.new("RGB", (4000, 3000), (40 * i, 0, 0)).save(tmp_path / f"{i}.jpg")
    classify(ImageSet.from_folder(tmp_path), "gender", Sizes())
    assert Sizes.seen == [(4000, 3000)] * 6
