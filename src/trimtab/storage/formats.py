"""The formats in which pictures are read, and the pictures in a folder."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
"""The formats that are read, by their names in Pillow, where JPEG includes MPO. Others start a
program (EPS), have no signature (TGA), or are not for photographs (icons, textures)."""

_SUFFIXES = (
    ".apng .avif .bmp .gif .j2c .j2k .jfif .jif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx .mpo .pbm .pgm "
    ".pjp .pjpeg .png .pnm .ppm .tif .tiff .webp"
)
SUFFIXES = frozenset(_SUFFIXES.split())
"""The suffixes of files that are taken for pictures. The format itself is found in the file."""


@dataclass(frozen=True)
class Plugin:
    """A package that adds a format to Pillow.

    Attributes
    ----------
    package, module, opener : str
        Its name on PyPI, its module, and the function there that adds the format; empty if the
        import does.
    format : str
        The format's name in Pillow.
    suffixes : tuple of str
        The suffixes of its files.
    """

    package: str
    module: str
    opener: str
    format: str
    suffixes: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether it can be used."""
        return find_spec(self.module) is not None


PLUGINS = (
    Plugin(
        "pillow-heif", "pillow_heif", "register_heif_opener", "HEIF", (".heic", ".heif", ".hif")
    ),
    Plugin("pillow-jxl-plugin", "pillow_jxl", "", "JXL", (".jxl",)),
)
"""Packages that add formats, used where they are installed."""

_OTHER = (
    ".3fr .ai .arw .blp .cr2 .cr3 .cur .dcm .dds .dib .dng .emf .eps .exr .fits .fts .hdr .icns "
    ".ico .iiq .nef .nrw .orf .pcx .pef .pfm .ps .psb .psd .qoi .raf .raw .rw2 .sgi .srw .svg "
    ".svgz .tga .wmf .xbm .xcf .xpm"
)
PICTURES = frozenset(_OTHER.split()) - SUFFIXES | {s for one in PLUGINS for s in one.suffixes}
"""Further suffixes of pictures, whose files are left out."""

_SYSTEM = {"desktop.ini", "ehthumbs.db", "thumbs.db", "icon\r"}  # hidden by their systems
NO_SUFFIX, FOLDER, SPECIAL = "without suffix", "folder", "special file"


@dataclass(frozen=True)
class Listing:
    """The pictures in a folder, and what else is in it.

    Attributes
    ----------
    files : tuple of Path
        The pictures, by name.
    left_out : dict of str to int
        How many other things there are, by suffix, "folder", "special file" or "without suffix".
        Hidden files and folders do not count.
    """

    files: tuple[Path, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, int]:
        """How many pictures there are, by suffix."""
        return dict(sorted(Counter(file.suffix.lower() for file in self.files).items()))


def listing(folder: Path) -> Listing:
    """List the pictures in a folder, without opening them; subfolders are not entered.

    Raises
    ------
    OSError
        If it is not a folder that can be read.
    """
    suffixes = SUFFIXES.union(*(one.suffixes for one in PLUGINS if one.installed))
    files, left_out = [], Counter[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            kind = None if _hidden(entry) else _kind(entry, suffixes)
            if kind == "":
                files.append(Path(folder, entry.name))
            elif kind is not None:
                left_out[kind] += 1
    return Listing(tuple(sorted(files)), dict(sorted(left_out.items())))


def _hidden(entry: os.DirEntry[str]) -> bool:
    """Return whether a file is hidden: by name, as by macOS and Android, or by a flag."""
    if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
        return True
    try:
        flags = getattr(entry.stat(follow_symlinks=False), "st_flags", 0)
    except OSError:
        return False
    return bool(flags & getattr(stat, "UF_HIDDEN", 0))


def _kind(entry: os.DirEntry[str], suffixes: Iterable[str]) -> str:
    """Return "" for a picture, otherwise what it is."""
    suffix = Path(entry.name).suffix.lower()
    try:
        mode = entry.stat().st_mode
    except OSError:  # a broken link: a picture by name that cannot be read
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        return FOLDER
    if not stat.S_ISREG(mode):  # reading a pipe would never end
        return SPECIAL
    if suffix in suffixes:
        return ""
    return shown_name(suffix) or NO_SUFFIX


def counted(kinds: Mapping[str, int]) -> str:
    """Return kinds with their numbers: "3 .jpg, 1 .tif, 2 folders"."""
    several = {FOLDER: "folders", SPECIAL: "special files"}
    return ", ".join(
        f"{n:,} {several.get(kind, kind) if n > 1 else kind}" for kind, n in kinds.items()
    )


def packages_for(kinds: Iterable[str]) -> list[str]:
    """Return the packages to install to read some of the kinds that were left out."""
    named = set(kinds)
    return [one.package for one in PLUGINS if named & set(one.suffixes) and not one.installed]


def told_left_out(left_out: Mapping[str, int]) -> str:
    """Return one sentence about what was left out, and how to read it; empty for nothing."""
    if not left_out:
        return ""
    packages = packages_for(left_out)
    advice = f" (to read {_which(left_out)}: pip install {' '.join(packages)})" if packages else ""
    return f"left out: {counted(left_out)}{advice}"


def _which(left_out: Mapping[str, int]) -> str:
    suffixes = {suffix for one in PLUGINS if not one.installed for suffix in one.suffixes}
    return ", ".join(kind for kind in left_out if kind in suffixes)


def shown_name(name: str) -> str:
    """Return a file's name as text that can be printed and stored, on one line.

    A name on Linux is a sequence of bytes. Those that are not UTF-8, and control characters, are
    written as escapes.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
