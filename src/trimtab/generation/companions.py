"""Data stored with pictures so that they can be made again: directions and model paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trimtab.errors import FileError
from trimtab.interventions import Direction
from trimtab.storage import Store, canonical_json, document_hash

DIRECTIONS, MODELS = "directions", "models"


def keep_directions(store: Store, directions: Iterable[Direction]) -> None:
    """Store directions under their full hashes."""
    names = store.names(DIRECTIONS)
    for direction in directions:
        if (name := f"{direction.hash}.safetensors") not in names:
            store.add_file(f"{DIRECTIONS}/{name}", direction.to_bytes())


def directions_of(store: Store, specs: Iterable[Mapping[str, Any]]) -> tuple[Direction, ...]:
    """Read the directions named in specs, leaving out those missing from the store.

    Raises
    ------
    FileError
        If a direction is damaged or does not match its name.
    """
    hashes = dict.fromkeys(term["hash"] for spec in specs for term in terms_of(spec))
    return tuple(found for one in hashes if (found := _direction(store, one)) is not None)


def terms_of(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the directions and strengths named in a spec."""
    steering = (spec.get("intervention") or {}).get("steering") or {}
    yield from steering.get("terms", ())


def direction_file(store: Store, name: str) -> str | None:
    """Return the file of the direction with a full hash, or None if it is not stored."""
    file = f"{name}.safetensors"
    return f"{DIRECTIONS}/{file}" if file in store.names(DIRECTIONS) else None


def _direction(store: Store, name: str) -> Direction | None:
    file = direction_file(store, name)
    if file is None:
        return None
    direction = Direction.from_bytes(store.read_file(file), f"{store.url}/{file}")
    if direction.hash != name:
        raise FileError(
            got=f"{store.url}/{file}, which is the direction {direction.hash[:16]}",
            expected="the direction that matches its name",
            do="restore it, or delete it and run again",
        )
    return direction


def keep_place(
    store: Store, specs: Iterable[Mapping[str, Any]], path: str | None, config: str | None = None
) -> None:
    """Store where the model of some specs came from; specs omit it, since a model may move."""
    if path is None:
        return
    data = canonical_json({"model_path": path, "config": config})
    for name in {_model_file(spec) for spec in specs if spec["model"]}:
        if name.rpartition("/")[2] not in store.names(MODELS) or store.read_file(name) != data:
            store.write_file(name, data)


def where_made(store: Store, specs: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Read where the model of some specs came from.

    Returns
    -------
    dict
        ``model_path`` and ``config``; empty if unknown, or if there are several.
    """
    names = store.names(MODELS)
    files = {_model_file(spec) for spec in specs if spec.get("model")}
    if len(files) != 1 or (name := files.pop()).rpartition("/")[2] not in names:
        return {}
    try:
        return dict(json.loads(store.read_file(name)))
    except (TypeError, ValueError):
        return {}  # not essential: the path can be given again


def _model_file(spec: Mapping[str, Any]) -> str:
    return f"{MODELS}/{document_hash(spec['model'])[:16]}.json"
