"""The pictures of a store: their files, and the index of what each was made from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from PIL import Image

from trimtab.storage.files import sha256
from trimtab.storage.pictures import (
    decode_picture,
    encode_png,
    file_of,
    picture_hash,
    record_of,
    segment_of,
    unreadable,
)
from trimtab.storage.rows import INDEX, Table
from trimtab.storage.store import Store


@dataclass(frozen=True)
class PictureRow:
    """A row of the index.

    Attributes
    ----------
    spec : str
        Full hash of the spec.
    prompt : str
        The prompt; empty for pictures made elsewhere.
    seed : int
        Seed of the noise; a running number for pictures made elsewhere.
    picture, file : str
        SHA-256 of the picture's content (`picture_hash`), and of its file.
    blocked : bool
        Whether a safety checker blacked it out, or its values are not finite.
    environment : str
        JSON of what may affect the last bits: device, versions, threads.
    """

    spec: str
    prompt: str
    seed: int
    picture: str
    file: str
    blocked: bool
    environment: str


class PictureIndex:
    """Adds pictures to a store and finds them again.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self, spec: str, prompt: str | None = None) -> list[PictureRow]:
        """Return the rows of a spec's pictures, of one prompt or all, by prompt and seed."""
        segment = spec[:16]
        if prompt is not None:
            segment = segment_of(spec, prompt, 0).rpartition("/")[0]
        rows = [PictureRow(**row) for row in self._store.rows("index", segment).to_pylist()]
        return [row for row in rows if row.spec == spec and prompt in (None, row.prompt)]

    def images(self, spec: str, prompt: str, seeds: Iterable[int]) -> list[Image.Image | None]:
        """Read pictures by seed; None for missing or blocked ones.

        Raises
        ------
        FileError
            If a file is missing or damaged.
        """
        rows = {row.seed: row for row in self.rows(spec, prompt)}
        found = [rows.get(seed) for seed in seeds]
        return [None if row is None or row.blocked else self.image(row) for row in found]

    def present(self, spec: str, prompt: str, seed: int) -> set[int]:
        """Return the seeds of the files in the folder for the picture of a seed."""
        names = self._store.names(file_of(spec, prompt, seed).rpartition("/")[0])
        stems = (name.removesuffix(".png") for name in names)
        return {int(stem) for stem in stems if stem.isdigit()}

    def write(
        self,
        spec: str,
        prompt: str,
        seed: int,
        image: Image.Image,
        *,
        record: Mapping[str, Any],
        blocked: bool,
        environment: str,
    ) -> PictureRow:
        """Write a picture's file, unless it exists, and return its row for `add`.

        Raises
        ------
        FileError
            If a different or damaged file is in its place.
        """
        row = PictureRow(spec, prompt, seed, picture_hash(image), "", blocked, environment)
        return self._written(row, encode_png(image, record), record)

    def add(self, rows: Sequence[PictureRow]) -> None:
        """Add rows of pictures whose files have been written."""
        for segment, table in _by_segment(rows):
            self._store.add_rows("index", segment, table)

    def forget(self, rows: Sequence[PictureRow]) -> None:
        """Remove rows of pictures whose files are missing, before they are made again."""
        for segment, table in _by_segment(rows):
            self._store.discard("index", segment, table)

    def finish(self, spec: str, prompt: str, seed: int) -> None:
        """Consolidate the segment of a picture once it is complete."""
        self._finish(segment_of(spec, prompt, seed))

    def finish_rows(self, rows: Iterable[PictureRow]) -> None:
        """Consolidate the segments of some pictures, each once."""
        for segment in dict.fromkeys(segment_of(row.spec, row.prompt, row.seed) for row in rows):
            self._finish(segment)

    def copy(self, rows: Sequence[PictureRow], to: Store) -> None:
        """Copy pictures with their rows and specs to another store, unless they exist there.

        Raises
        ------
        FileError
            If a file is missing or damaged, or a different picture is in its place there.
        """
        for name in dict.fromkeys(row.spec for row in rows):
            to.add_spec(self._store.spec(name))
        there, new = PictureIndex(to), []
        pairs = dict.fromkeys((row.spec, row.prompt) for row in rows)
        known = {(*pair, row.seed) for pair in pairs for row in there.rows(*pair)}
        for row in rows:
            if (row.spec, row.prompt, row.seed) not in known:
                data, image = self._read(row)
                new.append(there._written(row, data, record_of(image, self._where(row))))
        there.add(new)
        there.finish_rows(new)

    def image(self, row: PictureRow) -> Image.Image:
        """Read the picture of a row, in RGB.

        Raises
        ------
        FileError
            If its file is missing or damaged.
        """
        return self._read(row)[1]

    def _read(self, row: PictureRow) -> tuple[bytes, Image.Image]:
        where = self._where(row)
        try:
            data = self._store.read_file(_file(row))
        except OSError as error:
            raise unreadable(where, error.strerror or "it is gone") from error
        if sha256(data) != row.file:
            raise unreadable(where, "it is not as it was written")
        return data, decode_picture(data, where)

    def _written(self, row: PictureRow, data: bytes, record: Mapping[str, Any]) -> PictureRow:
        """Write a file unless it exists, and return its row with the hashes of what is there."""
        name, where = _file(row), self._where(row)
        if self._store.add_file(name, data) or (found := self._store.read_file(name)) == data:
            return replace(row, file=sha256(data))
        image = decode_picture(found, where)
        if record_of(image, where) != json.loads(json.dumps(record)):
            raise unreadable(where, "it is another picture")
        return replace(row, picture=picture_hash(image), file=sha256(found))

    def _finish(self, segment: str) -> None:
        self._store.consolidate("index", segment)
        self._store.sweep(f"images/{segment}")

    def _where(self, row: PictureRow) -> str:
        return f"{self._store.url}/{_file(row)}"


def _file(row: PictureRow) -> str:
    return file_of(row.spec, row.prompt, row.seed)


def _by_segment(rows: Sequence[PictureRow]) -> Iterator[tuple[str, Table]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(segment_of(row.spec, row.prompt, row.seed), []).append(vars(row))
    return ((name, pa.Table.from_pylist(some, INDEX.columns)) for name, some in found.items())
