"""The store: an append-only place for specs, rows and results."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.errors import FileError, UsageError
from trimtab.storage import segments
from trimtab.storage.documents import (
    canonical_json,
    differences,
    document_hash,
    to_json,
    told_differences,
)
from trimtab.storage.files import sha256
from trimtab.storage.root import Root
from trimtab.storage.rows import SCHEMAS, Table

NAME = re.compile(r"\w[\w.-]*")
HASH = re.compile(r"[0-9a-f]{64}")


class Store(Root):
    """An append-only place that keeps everything that was made.

    Several processes may write to one store at the same time. Work that a killed process did not
    finish is absent, and is done by the next process.

    Parameters
    ----------
    url : str or Path
        A folder, or the URL of a folder on any filesystem supported by fsspec, such as
        ``memory://study``. It need not exist; nothing is written until something is added.

    Attributes
    ----------
    url : str
        The URL or path.
    folder : Path or None
        The local folder; None for a store elsewhere.

    Raises
    ------
    FileError
        If the place contains something else, or a store of the first edition or a later version.
    UsageError
        If the filesystem of the URL is unknown.
    """

    # Documents

    def add_document(self, kind: str, document: Mapping[str, Any]) -> str:
        """Store a document under its hash.

        Parameters
        ----------
        kind : str
            The folder, such as ``specs`` or ``questions``.
        document : mapping
            A JSON-serialisable document with ``format`` and ``version``.

        Returns
        -------
        str
            The full hash.
        """
        data = canonical_json(document)
        name = sha256(data)
        self.settle()
        self._place.add(f"{kind}/{name}.json", data)
        return name

    def document(self, kind: str, name: str) -> dict[str, Any]:
        """Return the document with a full hash.

        Raises
        ------
        FileError
            If it does not exist or is damaged.
        """
        where = f"{kind}/{name}.json"
        try:
            data = self._place.read(where) if HASH.fullmatch(name) else None
        except FileNotFoundError:
            data = None
        if data is None:
            raise FileError(
                got=f"{self.url} without {kind} {name[:16]}",
                expected=f"one of {len(self._place.names(kind))}",
                do="check the hash, or the store",
            )
        try:
            if sha256(data) != name:
                raise ValueError("its content does not match its name")
            return dict(json.loads(data))
        except ValueError as error:
            raise FileError(
                got=f"{self.url}/{where}, which is damaged ({error})",
                expected="the file as it was written",
                do="restore it, or delete it and run again",
            ) from error

    def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return all documents of a kind by their full hashes."""
        names = [name.removesuffix(".json") for name in self._place.names(kind)]
        return {name: self.document(kind, name) for name in names}

    def add_spec(self, spec: Mapping[str, Any]) -> str:
        """Store a spec, and return its full hash."""
        return self.add_document("specs", spec)

    def spec(self, name: str) -> dict[str, Any]:
        """Return the spec with a full hash, as `document` does."""
        return self.document("specs", name)

    def specs(self) -> dict[str, dict[str, Any]]:
        """Return all specs by their full hashes."""
        return self.documents("specs")

    def require_spec(self, spec: Mapping[str, Any]) -> str:
        """Return the hash of a stored spec.

        Raises
        ------
        FileError
            If it is not stored; the message names the entries in which the closest one differs.
        """
        name, known = document_hash(spec), self.specs()
        if name in known:
            return name
        alike = [one for one in known.values() if one.get("format") == spec.get("format")]
        if not alike:
            raise FileError(
                got=f"{self.url} without any {spec.get('format')}",
                expected="the one asked for",
                do="check the store, or make the pictures first",
            )
        asked = json.loads(canonical_json(spec))
        closest = min(alike, key=lambda one: len(list(differences(one, asked))))
        mine, wanted = told_differences(closest, asked)
        raise FileError(
            got=f"{self.url}, made with {mine}",
            expected=wanted,
            do="request what exists, or make the rest first",
        )

    # Rows

    def add_rows(self, kind: str, segment: str, table: Table) -> None:
        """Add rows as a new part of a segment.

        Parameters
        ----------
        kind : str
            A kind with a registered schema: ``index``, ``observations``, …
        segment : str
            Relative folder for rows that are read together.
        table : pyarrow.Table
            Rows with the columns of the schema, without nulls in the key.
        """
        self.settle()
        segments.add(self._place, SCHEMAS[kind], segment, table)

    def consolidate(self, kind: str, segment: str | None = None, most: int = 1) -> None:
        """Replace the parts of a segment with one, which depends only on their rows.

        Parameters
        ----------
        kind : str
            As in `add_rows`.
        segment : str, optional
            The segment. Defaults to all of this kind.
        most : int, optional
            Number of parts that are left as they are.
        """
        schema = SCHEMAS[kind]
        names = segments.segments(self._place, schema) if segment is None else [segment]
        for name in names:
            segments.consolidate(self._place, schema, name, most)

    def discard(self, kind: str, segment: str, rows: Table) -> None:
        """Remove rows from a segment, by key, because what they describe is missing."""
        segments.discard(self._place, SCHEMAS[kind], segment, rows)

    def rows(
        self, kind: str, segment: str | None = None, columns: Sequence[str] | None = None
    ) -> Table:
        """Read rows, sorted by their key.

        Parameters
        ----------
        kind : str
            As in `add_rows`.
        segment : str, optional
            A segment, or a folder of segments. Defaults to all.
        columns : sequence of str, optional
            The columns to read. Defaults to all.

        Returns
        -------
        pyarrow.Table
            The rows; none if there is no such segment.

        Raises
        ------
        FileError
            If a part is damaged or of a later version.
        """
        return segments.read(self._place, SCHEMAS[kind], segment, columns)

    # Results

    def save_result(self, name: str, document: Mapping[str, Any]) -> None:
        """Store a result under a name, replacing an existing one.

        Raises
        ------
        UsageError
            If the name has characters other than letters, digits, dots, dashes and underscores.
        """
        self.settle()
        self._place.write(f"results/{_name(name)}.json", to_json(document))

    def result(self, name: str) -> dict[str, Any]:
        """Return the result with a name.

        Raises
        ------
        FileError
            If it does not exist or is damaged.
        """
        where = f"results/{_name(name)}.json"
        try:
            found = json.loads(self._place.read(where))
            if isinstance(found, dict):
                return found
            problem = "it is not a JSON object"
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
        raise FileError(
            got=f"{self.url}/{where}, which cannot be read ({problem})",
            expected=f"one of the results {', '.join(self.results()) or '(there are none)'}",
            do="check the name, or run again",
        )

    def results(self) -> list[str]:
        """Return the names of the results."""
        return [name.removesuffix(".json") for name in self._place.names("results")]


def as_store(to: Store | str | Path) -> Store:
    """Return the store for an argument ``to=``."""
    return to if isinstance(to, Store) else Store(to)


def scratch_store() -> Store:
    """Return a new store in the memory of this process, for temporary data."""
    return Store(f"memory://trimtab/{uuid.uuid4().hex}")


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise UsageError(
            got=f"the name {name!r} of a result",
            expected="letters, digits, dots, dashes and underscores",
            do="choose another name",
        )
    return name
