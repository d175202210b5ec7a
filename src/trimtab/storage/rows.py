"""Tables with versioned schemas, and their Parquet files, with equal bytes for equal rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.errors import FileError
from trimtab.storage.files import sha256

Table: TypeAlias = Any
"""A `pyarrow.Table`; pyarrow has no type annotations."""

META = b"trimtab"


@dataclass(frozen=True)
class Schema:
    """The schema of one kind of rows.

    Attributes
    ----------
    kind : str
        Name of the kind, and of its folder in a store.
    version : int
        From 1; incremented with every change of `columns`.
    columns : pyarrow.Schema
        Names and types.
    key : tuple of str
        Columns that identify a row; never null.
    upgrades : mapping of int to callable
        For each older version, a function that converts its table to the next version.
    """

    kind: str
    version: int
    columns: Any
    key: tuple[str, ...]
    upgrades: Mapping[int, Callable[[Table], Table]] = field(default_factory=dict)


SCHEMAS: dict[str, Schema] = {}


def register_schema(schema: Schema) -> Schema:
    """Register a kind of rows for all stores, and return it."""
    SCHEMAS[schema.kind] = schema
    return schema


INDEX = register_schema(
    Schema(
        kind="index",
        version=1,
        columns=pa.schema(
            {
                "spec": pa.string(),
                "prompt": pa.string(),
                "seed": pa.int64(),
                "picture": pa.string(),
                "file": pa.string(),
                "blocked": pa.bool_(),
                "environment": pa.string(),
            }
        ),
        key=("spec", "prompt", "seed"),
    )
)
"""One row per picture: what it was made from, and the hashes of its content and file."""


def canonical(table: Table, schema: Schema) -> Table:
    """Return rows sorted by key and then all other columns, keeping the first of each key.

    Raises
    ------
    ValueError
        If a key is null, which can only be caused by a bug.
    """
    table = table.select(schema.columns.names).cast(schema.columns)
    if any(table[name].null_count for name in schema.key):
        raise ValueError(f"null in a key column of {schema.kind}: {schema.key}")
    flat = [one.name for one in schema.columns if not pa.types.is_nested(one.type)]
    order = [*schema.key, *(name for name in flat if name not in schema.key)]
    table = table.sort_by([(name, "ascending") for name in order]).combine_chunks()
    if len(table) < 2:
        return table
    new = np.zeros(len(table) - 1, dtype=bool)
    for name in schema.key:
        column = table[name].combine_chunks()
        new |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return table if new.all() else table.filter(pa.array(np.concatenate([[True], new])))


def encode(table: Table, schema: Schema) -> bytes:
    """Return rows as Parquet in canonical order, with the same bytes for the same rows."""
    about = json.dumps({"kind": schema.kind, "version": schema.version}, sort_keys=True)
    table = canonical(table, schema).replace_schema_metadata({META: about})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=max(1, len(table)))
    return bytes(sink.getvalue())


def decode(data: bytes, schema: Schema, where: str, columns: Sequence[str] | None = None) -> Table:
    """Read rows, converted to the newest version of their schema.

    Parameters
    ----------
    data : bytes
        The content of a file.
    schema : Schema
        The expected schema.
    where : str
        The name of the file, for messages.
    columns : sequence of str, optional
        Only these columns.

    Raises
    ------
    FileError
        If the file is damaged, of another kind, or of a later version.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        about = json.loads((file.schema_arrow.metadata or {}).get(META, b"{}"))
        found, version = about.get("kind"), about.get("version")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(where, str(error).splitlines()[0]) from error
    if found != schema.kind or not isinstance(version, int) or version < 1:
        raise damaged(where, f"kind {found!r}, version {version!r}")
    if version > schema.version:
        raise FileError(
            got=f"{where} of version {version}",
            expected=f"at most version {schema.version} of {schema.kind}, which this trimtab reads",
            do="update trimtab",
        )
    try:
        wanted = None if version < schema.version else columns
        # Parts are small, and a pool of threads may still be starting when a short command ends,
        # which aborts the process.
        table = file.read(columns=wanted, use_threads=False)
        for old in range(version, schema.version):
            table = schema.upgrades[old](table)
        names = schema.columns.names if columns is None else list(columns)
        fields = pa.schema([schema.columns.field(name) for name in names])
        return table.select(names).replace_schema_metadata(None).cast(fields)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise damaged(where, str(error).splitlines()[0]) from error


def part_name(data: bytes) -> str:
    """Return the name of a part, made from its content."""
    return f"{sha256(data)[:16]}.parquet"


def damaged(where: str, problem: str) -> FileError:
    """Return the error for a damaged file of rows."""
    return FileError(
        got=f"{where}, which is damaged ({problem})",
        expected="the file as it was written",
        do="restore it, or delete it and run again to recreate its contents",
    )
