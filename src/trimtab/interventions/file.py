"""The file format of directions and mitigations: safetensors with metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from trimtab.errors import FileError, TrimtabError, UsageError, first_line
from trimtab.storage.tensors import LONGEST, encode_tensors, read_metadata

T = TypeVar("T")
Metadata: TypeAlias = Mapping[str, str]
Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Format:
    """The kind of a file's contents, and how its metadata states it."""

    name: str
    version: str
    what: str
    file: str
    """File name in a folder or repository."""
    reader: str
    """The function that reads it, for messages."""

    @property
    def again(self) -> str:
        """What to do about a file that is not of this format."""
        return f"check the path, or make the {self.what} again"

    def head(self) -> dict[str, str]:
        """Return the metadata entries of every such file."""
        return {"format": self.name, "version": self.version}


DIRECTION = Format("trimtab-direction", "1", "direction", "direction.safetensors", "Direction.load")
MITIGATION = Format(
    "trimtab-mitigation", "1", "mitigation", "mitigation.safetensors", "trimtab.load_intervention"
)
FORMATS = (DIRECTION, MITIGATION)


def to_json(value: Mapping[str, Any]) -> str:
    """Return provenance as JSON.

    Raises
    ------
    UsageError
        If it cannot be written as JSON.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            got=f"a provenance that cannot be written as JSON ({first_line(error)})",
            expected="strings, finite numbers, lists and mappings",
            do="change the arguments of annotated()",
        ) from error


def encode(kind: Format, tensors: Tensors, metadata: Metadata) -> bytes:
    """Return the bytes of a file."""
    return encode_tensors(tensors, kind.head() | dict(metadata))


def decode(data: bytes, where: str, kind: Format, make: Callable[[Metadata, Tensors], T]) -> T:
    """Read the bytes of a file in a given format.

    Parameters
    ----------
    data : bytes
        The result of `encode`.
    where : str
        Where the bytes come from, for messages.
    kind : Format
        The expected format.
    make : callable
        ``(metadata, tensors) -> value``; raises if they are invalid.

    Raises
    ------
    FileError
        If the bytes are damaged, in another format or of a later version.
    """
    do = kind.again
    try:
        metadata = read_metadata(io.BytesIO(data))
        if kind.head().items() <= metadata.items():
            return make(metadata, load(data))
        problem, do = _another(kind, metadata)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        problem = error.got if isinstance(error, TrimtabError) else first_line(error)
    raise _not_one(where, problem, kind, do)


def read(file: Path, kind: Format, make: Callable[[Metadata, Tensors], T]) -> T:
    """Read a file in a given format, as `decode` does.

    Raises
    ------
    FileError
        If it is missing, damaged, in another format or of a later version.
    """
    try:
        with file.open("rb") as content:
            ours = kind_of(content) is not None  # avoids reading the weights of a whole model
            content.seek(0)
            data = content.read() if ours else content.read(LONGEST)
    except OSError as error:
        raise _not_one(str(file), first_line(error), kind, kind.again) from error
    return decode(data, str(file), kind, make)


def kind_of(content: BinaryIO) -> Format | None:
    """Return the format that an open file states, or None if it is not one of ours."""
    try:
        name = read_metadata(content).get("format")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return next((kind for kind in FORMATS if kind.name == name), None)


def _not_one(where: str, problem: str, kind: Format, do: str) -> FileError:
    return FileError(
        got=f"{where} ({problem})",
        expected=f"a {kind.what} of format {kind.name}, version {kind.version}",
        do=do,
    )


def _another(kind: Format, metadata: Metadata) -> tuple[str, str]:
    """Return the error for a file that is not in this format and version."""
    found = metadata.get("format")
    for other in FORMATS:
        if found == other.name and other is not kind:
            return f"a {other.what}, of format {other.name}", f"read it with {other.reader}"
    version = str(metadata.get("version", ""))
    if found == kind.name and version.isdecimal():
        return f"format {found!r}, version {version}", "update trimtab: a later version wrote it"
    return f"format {found!r} {version}".rstrip(), kind.again
