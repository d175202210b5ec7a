"""The base class of results, which are saved in a store as JSON and loaded again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from trimtab.errors import FileError
from trimtab.generation import ImageSet, copy_pictures, stored
from trimtab.generation.selection import Key
from trimtab.recognition import tidy
from trimtab.storage import Store, as_store, from_document, to_document

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """Base class of all results.

    Attributes
    ----------
    name : str
        Name in the store.
    model, settings : dict
        Properties of the model, and settings of the run.
    note : str
        Remarks that every report on the model must include, a line each, or empty.
    command, python : str
        How to repeat it on the command line and in Python; empty if unknown.
    """

    FORMAT: ClassVar[str]

    name: str
    model: dict[str, Any]
    settings: dict[str, Any]
    note: str = ""
    command: str = ""
    python: str = ""
    schema_version: int = VERSION

    @property
    def store(self) -> Store | None:
        """Store of its pictures and directions; None if the result was never stored."""
        return self.__dict__.get("_store")

    def save(self, to: Store | str | Path) -> Self:
        """Keep the result in a store, and with it the files and the pictures that it names.

        Parameters
        ----------
        to : Store, str or Path
            The store of the workflow, or another.

        Raises
        ------
        FileError
            When it cannot be written, or a picture is missing.
        """
        store = as_store(to)
        if self.store is not None and self.store.url != store.url:
            for file in self.files():
                store.write_file(file, self.store.read_file(file))
            copy_pictures(self.store, store, self.keys())
        tidy(store)
        store.save_result(self.name, self.to_dict())
        return self._in(self.store or store)

    def repeated_by(self, command: str, python: str = "") -> Self:
        """Return the result with the command and the Python code that repeat it."""
        again = replace(self, command=command, python=python)
        return again if self.store is None else again.save(self.store)

    @classmethod
    def load(cls, source: Store | str | Path, name: str | None = None) -> Self:
        """Load a result.

        Parameters
        ----------
        source : Store, str or Path
            The store.
        name : str, optional
            Name of the result; default the only one of this kind.

        Raises
        ------
        FileError
            If there is none, if there are several and `name` is not given, or if the result is
            damaged or of a later version.
        """
        store = source if isinstance(source, Store) else Store.existing(source)
        if name is None:
            found = [
                one for one in store.results() if store.result(one).get("format") == cls.FORMAT
            ]
            if len(found) != 1:
                raise FileError(
                    got=f"{store.url} with {len(found)} results of kind {cls.FORMAT}",
                    expected="one result, or a name",
                    do=f"name one of {', '.join(found)}" if found else "check the store",
                )
            name = found[0]
        document = store.result(name)
        where = f"{store.url}, result {name}"
        kind, version = document.pop("format", None), document.get("schema_version")
        if kind != cls.FORMAT:
            raise FileError(
                got=f"{where}, of kind {kind}", expected=cls.FORMAT, do="name another result"
            )
        if isinstance(version, int) and version > VERSION:
            raise FileError(
                got=f"{where}, of schema {version}",
                expected=f"at most {VERSION}",
                do="update trimtab",
            )
        return from_document(cls, document, where)._in(store)

    def files(self) -> tuple[str, ...]:
        """Return the files in the store that it refers to, except pictures."""
        return ()

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures that it names."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"format": self.FORMAT} | to_document(self)

    def _in(self, store: Store) -> Self:
        object.__setattr__(self, "_store", store)
        return self


def kept_in(result: Result) -> Store:
    """Return the store of a result.

    Raises
    ------
    FileError
        If it was never stored.
    """
    if result.store is None:
        raise FileError(
            got=f"the result {result.name}, which was never stored",
            expected="a result with a store",
            do="pass to= to the workflow, or save the result",
        )
    return result.store


def pictures_of(
    result: Result, spec: str, prompts: Sequence[str], seeds: Sequence[int]
) -> ImageSet:
    """Return pictures from a result's store, prompt by prompt.

    Raises
    ------
    FileError
        If the result was never stored, or pictures are missing.
    """
    rows = [(spec, prompt, seed) for prompt in prompts for seed in seeds]
    return stored(kept_in(result), rows)


def slug(text: str, most: int = 40) -> str:
    """Return a text as part of a file name: "a photo of a CEO" -> "a-photo-of-a-ceo"."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:most].strip("-")
    return found or "x"
