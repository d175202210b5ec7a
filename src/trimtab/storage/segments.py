"""Segments of rows, to which parts are added and in which parts are merged, without locks.

Parts are never changed. A part is removed only after another contains its rows, so that every row
ever read is valid, and a reader that misses a part looks again.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from trimtab.storage.places import Place
from trimtab.storage.rows import Schema, Table, canonical, damaged, decode, encode, part_name

SUFFIX = ".parquet"


def add(place: Place, schema: Schema, segment: str, table: Table) -> None:
    """Write rows as a new part of a segment, unless an equal part exists."""
    _write(place, schema, f"{schema.kind}/{segment}", table)


def read(place: Place, schema: Schema, segment: str | None, columns: Sequence[str] | None) -> Table:
    """Read the rows of a segment, of all segments below a folder, or of the whole kind."""
    folder = schema.kind if segment is None else f"{schema.kind}/{segment}"
    asked = schema.columns.names if columns is None else list(columns)
    needed = list(dict.fromkeys([*schema.key, *asked]))
    tables: dict[str, Table] = {}
    while new := [name for name in _parts(place, folder) if name not in tables]:
        for name in new:
            if (table := _part(place, schema, name, needed)) is not None:
                tables[name] = table
    if not tables:
        return pa.schema([schema.columns.field(name) for name in asked]).empty_table()
    # Two parts may contain the same row: during merging, or if two writers made the same.
    narrow = pa.schema([schema.columns.field(name) for name in needed])
    shape = Schema(schema.kind, schema.version, narrow, schema.key)
    return canonical(pa.concat_tables(tables.values()), shape).select(asked)


def segments(place: Place, schema: Schema) -> list[str]:
    """List the segments of a kind."""
    folders = (name.rpartition("/")[0] for name in _parts(place, schema.kind))
    return sorted({folder.removeprefix(f"{schema.kind}/") for folder in folders})


def consolidate(place: Place, schema: Schema, segment: str, most: int = 1) -> None:
    """Replace the parts of a segment, if there are more than `most`, with one that has all rows."""
    folder = f"{schema.kind}/{segment}"
    if most > 1 and len(_parts(place, folder)) <= most:
        return
    place.sweep(folder)
    while len(names := _parts(place, folder)) > 1:
        tables = _whole_parts(place, schema, names)
        if not tables:
            continue  # another writer was faster; its part will appear next
        whole = _write(place, schema, folder, pa.concat_tables(tables.values()))
        for name in tables.keys() - {whole}:
            place.remove(name)


def discard(place: Place, schema: Schema, segment: str, rows: Table) -> None:
    """Remove rows from a segment by key, because what they describe is missing."""
    folder, key = f"{schema.kind}/{segment}", list(schema.key)
    tables = _whole_parts(place, schema, _parts(place, folder))
    if not tables:
        return
    union = canonical(pa.concat_tables(tables.values()), schema)
    left = union.join(
        rows.select(key).cast(union.select(key).schema),
        key,
        join_type="left anti",
        use_threads=False,
    )
    whole = _write(place, schema, folder, left) if len(left) else ""
    for name in tables.keys() - {whole}:
        place.remove(name)


def _parts(place: Place, folder: str) -> list[str]:
    return [name for name in place.walk(folder) if name.endswith(SUFFIX)]


def _write(place: Place, schema: Schema, folder: str, table: Table) -> str:
    """Write rows as a part, unless it exists, and return its name."""
    data = encode(table, schema)
    name = f"{folder}/{part_name(data)}"
    place.add(name, data)
    return name


def _whole_parts(place: Place, schema: Schema, names: Sequence[str]) -> dict[str, Table]:
    """Read all columns of some parts, without those that were removed meanwhile."""
    found = {name: _part(place, schema, name, None) for name in names}
    return {name: table for name, table in found.items() if table is not None}


def _part(place: Place, schema: Schema, name: str, columns: Sequence[str] | None) -> Table | None:
    """Read one part; None if it was removed, in which case another part has its rows."""
    try:
        data = place.read(name)
    except FileNotFoundError:
        return None
    if part_name(data) != name.rpartition("/")[2]:
        raise damaged(f"{place.url}/{name}", "its content does not match its name")
    return decode(data, schema, f"{place.url}/{name}", columns)
