"""Pictures with their records: in memory, read lazily from a store, or from a folder of files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from trimtab.drawing.fragment import notebook
from trimtab.drawing.thumbnails import contact_sheet
from trimtab.drawing.words import number_of
from trimtab.errors import FileError
from trimtab.generation.companions import directions_of, keep_directions, keep_place, where_made
from trimtab.generation.folder import PictureFile, pictures_in, record_of_file
from trimtab.generation.records import FILE, ImageRecord
from trimtab.generation.selection import Key, rows_by_key, rows_of
from trimtab.generation.spec import foreign_spec, record_of_picture
from trimtab.interventions import Direction
from trimtab.storage import (
    PictureIndex,
    PictureRow,
    Store,
    as_store,
    document_hash,
    picture_hash,
    sha256,
)
from trimtab.storage.decoding import BLANK
from trimtab.storage.formats import PICTURES, told_left_out

SHOWN = 24  # pictures shown in a notebook
Source: TypeAlias = Image.Image | Callable[[], Image.Image]
"""A picture, or a function that reads it."""


class LeftOutWarning(UserWarning):
    """Some pictures in a folder are of formats that are not read."""


class ImageSet(Sequence[Image.Image]):
    """A sequence of pictures; item i is a `PIL.Image.Image`, a slice another `ImageSet`.

    Parameters
    ----------
    records : sequence of ImageRecord
        One per picture.
    images : sequence of PIL.Image.Image or callable
        The pictures, or functions that read them on demand.
    documents : mapping, optional
        The specs named in the records, by hash.
    model_path : str, optional
        Folder or Hub id of the model, as recorded by the pipeline.
    directions : iterable of Direction, or callable, optional
        The directions named in the specs, or a function that reads them on demand.
    left_out : mapping of str to int, optional
        What else is in the folder of the pictures: its number, by suffix or kind.
    """

    def __init__(
        self,
        records: Sequence[ImageRecord],
        images: Sequence[Source],
        documents: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        model_path: str | None = None,
        directions: Iterable[Direction] | Callable[[], Iterable[Direction]] = (),
        left_out: Mapping[str, int] | None = None,
    ) -> None:
        self.records = tuple(records)
        self._images = tuple(images)
        named = dict.fromkeys(record.spec for record in self.records)
        self.documents = {
            name: dict(spec) for name, spec in (documents or {}).items() if name in named
        }
        self.model_path = model_path
        self._directions = directions
        self.left_out = dict(left_out or {})

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.records)

    def __getitem__(self, i: Any) -> Any:
        """Return picture i, reading it if it is stored, or the set of a slice."""
        if isinstance(i, slice):
            return self._like(self.records[i], self._images[i])
        image = self._images[i]
        return image() if callable(image) else image

    def __iter__(self) -> Iterator[Image.Image]:
        """Iterate over the pictures; stored ones are in memory one at a time."""
        return (self[i] for i in range(len(self)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture."""
        return tuple(record.seed for record in self.records)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each picture; empty for pictures made elsewhere."""
        return tuple(record.prompt for record in self.records)

    @property
    def specs(self) -> tuple[str, ...]:
        """Full hash of the spec of each picture, a key of `documents`."""
        return tuple(record.spec for record in self.records)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Hash of each picture's content; empty for a file that has not been read yet."""
        return tuple(record.picture for record in self.records)

    @property
    def blocked(self) -> tuple[bool, ...]:
        """Whether each picture is blocked: by a safety checker, or since it is not finite."""
        return tuple(record.blocked for record in self.records)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings shared by all pictures, and the batch size."""
        each = [spec["settings"] | {"batch_size": spec["batch_size"]} for spec in self._specs()]
        first = each[0] if each else {}
        return {
            name: value for name, value in first.items() if all(one[name] == value for one in each)
        }

    @property
    def model(self) -> str | None:
        """The model's name; None for pictures made elsewhere or by several models."""
        names = {(spec["model"] or {}).get("name") for spec in self._specs()}
        return names.pop() if len(names) == 1 else None

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that the pictures were steered by, if available."""
        found = self._directions
        return tuple(found() if callable(found) else found)

    def _specs(self) -> list[dict[str, Any]]:
        return list(self.documents.values())

    def __repr__(self) -> str:
        """Return the number of pictures, their prompts and the model."""
        named = list(dict.fromkeys(self.prompts))
        of = repr(named[0]) if len(named) == 1 else f"{len(named)} prompts"
        said = [
            f"{number_of(len(self), 'picture')} of {of} by {self.model}",
            told_left_out(self.left_out),
        ]
        return f"ImageSet({'; '.join(filter(None, said))})"

    def _repr_html_(self) -> str:
        """Return a contact sheet of the first pictures, with their seeds."""
        shown = [
            (record.file or f"seed {record.seed}", None if record.blocked else self._shown(i))
            for i, record in enumerate(self.records[:SHOWN])
        ]
        more = f"and {len(self) - SHOWN} more" if len(self) > SHOWN else ""
        return notebook(repr(self), contact_sheet(shown), more)

    def _shown(self, i: int) -> Image.Image | None:
        try:
            return self[i]  # type: ignore[no-any-return]
        except FileError:
            return None

    def source(self, i: int) -> Image.Image | PictureFile:
        """Return picture i, reading it if it is stored, or the file that it can be read from."""
        source = self._images[i]
        return source if isinstance(source, PictureFile) else self[i]

    @property
    def thumbnails(self) -> dict[str, Image.Image]:
        """Small copies of the files that were read and had to keep one, by name."""
        return {
            record.file: source.thumbnail
            for record, source in zip(self.records, self._images, strict=True)
            if isinstance(source, PictureFile) and source.thumbnail is not None
        }

    def screened(self) -> ImageSet:
        """Replace each unreadable picture with a black one that is marked as blocked.

        Pictures in which nothing is visible are marked as blocked, too.
        """
        records, images = list(self.records), list(self._images)
        for i, record in enumerate(records):
            try:
                picture = self[i]
            except FileError:
                images[i] = black = Image.new("RGB", (64, 64))
                records[i] = replace(record, blocked=True, picture=picture_hash(black))
            else:
                known = record.picture or picture_hash(picture)
                blank = BLANK in picture.info
                records[i] = replace(record, blocked=record.blocked or blank, picture=known)
        return self._like(records, images)

    def _like(self, records: Sequence[ImageRecord], images: Sequence[Source]) -> ImageSet:
        return ImageSet(
            records,
            images,
            self.documents,
            model_path=self.model_path,
            directions=self._directions,
            left_out=self.left_out,
        )

    def save(self, to: Store | str | Path) -> ImageSet:
        """Add the pictures to a store.

        Pictures made in memory may differ by rounding from those that `generate` makes in a store,
        since it completes every block of seeds there.

        Parameters
        ----------
        to : Store, str or Path
            A store, or where to create one.

        Returns
        -------
        ImageSet
            The same set, read from the store.

        Raises
        ------
        FileError
            If the store cannot be written, or already has a different picture with the same key.
        """
        store = as_store(to)
        if not self.documents:
            return self._of_collection().save(store)
        names = {name: store.add_spec(spec) for name, spec in self.documents.items()}
        keep_directions(store, self.directions)
        if not where_made(store, self.documents.values()):
            keep_place(store, self.documents.values(), self.model_path)
        index, rows = PictureIndex(store), []
        for record, image in zip(self.records, self, strict=True):
            name, prompt, seed = names[record.spec], record.prompt, record.seed
            about = record_of_picture(name, self.documents[name], prompt, seed, record.blocked)
            known = record.environment | ({FILE: record.file} if record.file else {})
            environment = json.dumps(known, sort_keys=True)
            rows.append(
                index.write(
                    name, prompt, seed, image,
                    record=about, blocked=record.blocked, environment=environment,
                )
            )  # fmt: skip
        index.add(rows)
        index.finish_rows(rows)
        return stored(store, [(row.spec, row.prompt, row.seed) for row in rows])

    def _of_collection(self) -> ImageSet:
        """Return pictures made elsewhere with a spec, which their content identifies."""
        images = self.screened()
        hashes = [record.picture for record in images.records]
        spec = foreign_spec(sha256("".join(hashes).encode()))
        name = document_hash(spec)
        records = [
            replace(record, seed=i, prompt="", spec=name, numbered=True)
            for i, record in enumerate(images.records)
        ]
        return ImageSet(records, images._images, {name: spec})

    @classmethod
    def from_store(
        cls,
        store: Store | str | Path,
        spec: str | Mapping[str, Any] | None = None,
        prompt: str | None = None,
        seeds: Iterable[int] | None = None,
    ) -> ImageSet:
        """Open pictures of a store; each is read on demand.

        Parameters
        ----------
        store : Store, str or Path
            The store.
        spec : str or mapping, optional
            A spec, or its full hash. Defaults to all specs.
        prompt : str, optional
            A prompt. Defaults to all prompts.
        seeds : iterable of int, optional
            The seeds, in order. Defaults to all seeds, sorted.

        Raises
        ------
        FileError
            If there is no such spec (the message names the entries in which the closest one
            differs), there are no pictures, or a requested picture is missing.
        """
        store = store if isinstance(store, Store) else Store.existing(store)
        return cls._of_rows(store, rows_of(store, spec, prompt, seeds))

    @classmethod
    def _of_rows(cls, store: Store, rows: Sequence[PictureRow]) -> ImageSet:
        documents = {name: store.spec(name) for name in dict.fromkeys(row.spec for row in rows)}
        index, specs = PictureIndex(store), documents.values()
        return cls(
            [ImageRecord.of_row(row, documents[row.spec]) for row in rows],
            [partial(index.image, row) for row in rows],
            documents,
            model_path=where_made(store, specs).get("model_path"),
            directions=partial(directions_of, store, specs),
        )

    @classmethod
    def from_folder(cls, path: str | Path, *, thumbnails: tuple[int, int] = (0, 0)) -> ImageSet:
        """Open a folder of pictures; each is read on demand, as a viewer shows it.

        Pictures that trimtab generated have the seed, the prompt and the spec that are written in
        them. Others have no prompt, and a running number in place of a seed. Hidden files are
        ignored.

        Parameters
        ----------
        path : str or Path
            The folder. Pictures are ordered by name; subfolders are not entered.
        thumbnails : tuple of int, optional
            Number of pictures, from the first, of which to keep a small copy when they are read,
            and the length of its longer side in pixels.

        Raises
        ------
        FileError
            If there are no pictures.

        Warns
        -----
        LeftOutWarning
            If there are pictures in formats that are not read. `left_out` counts all other files.
        """
        found = pictures_in(path)
        records = [record_of_file(file, i) for i, file in enumerate(found.files)]
        n, side = thumbnails
        files = [PictureFile(file, side if i < n else 0) for i, file in enumerate(found.files)]
        if not PICTURES.isdisjoint(found.left_out):
            told = told_left_out(found.left_out)
            warnings.warn(f"{path}: {told}", LeftOutWarning, stacklevel=2)
        return cls(records, files, left_out=found.left_out)


def stored(store: Store, wanted: Sequence[Key]) -> ImageSet:
    """Open pictures of a store by spec, prompt and seed, in order.

    Raises
    ------
    FileError
        If some are missing.
    """
    return ImageSet._of_rows(store, rows_by_key(store, wanted))
