"""Selection of pictures in a store, by spec, prompt and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from trimtab.errors import FileError
from trimtab.generation.spec import FORMAT
from trimtab.latents.seeds import check_seeds
from trimtab.storage import PictureIndex, PictureRow, Store

Key: TypeAlias = tuple[str, str, int]
"""Full hash of the spec, prompt and seed of a picture."""


def rows_of(
    store: Store,
    spec: str | Mapping[str, Any] | None,
    prompt: str | None,
    seeds: Iterable[int] | None,
) -> list[PictureRow]:
    """Return rows selected as in `ImageSet.from_store`.

    Raises
    ------
    FileError
        If there is no such spec, there are no pictures, or a requested one is missing.
    """
    if isinstance(spec, Mapping):
        spec = store.require_spec(spec)
    kept = store.specs() if spec is None else {spec: store.spec(spec)}
    names = [name for name, document in kept.items() if document.get("format") == FORMAT]
    index = PictureIndex(store)
    rows = [row for name in names for row in index.rows(name, prompt)]
    if not rows:
        raise FileError(
            got=f"{store.url} without pictures" + (f" of {prompt!r}" if prompt else ""),
            expected="some of them",
            do="check the prompt, or make the pictures first",
        )
    if seeds is None:
        return rows
    order, pairs = check_seeds(seeds), dict.fromkeys((row.spec, row.prompt) for row in rows)
    return _chosen(store, rows, [(*pair, seed) for pair in pairs for seed in order])


def rows_by_key(store: Store, wanted: Sequence[Key]) -> list[PictureRow]:
    """Return the row of each key, in order.

    Raises
    ------
    FileError
        If some are missing.
    """
    index, pairs = PictureIndex(store), dict.fromkeys(key[:2] for key in wanted)
    return _chosen(store, [row for pair in pairs for row in index.rows(*pair)], wanted)


def _chosen(store: Store, rows: Iterable[PictureRow], wanted: Sequence[Key]) -> list[PictureRow]:
    known = {(row.spec, row.prompt, row.seed): row for row in rows}
    missing = [key for key in wanted if key not in known]
    if missing:
        raise FileError(
            got=f"{store.url} with {len(wanted) - len(missing)} of the pictures",
            expected=f"{len(wanted)} (the first that is missing has seed {missing[0][2]})",
            do="run the same generate again to continue it",
        )
    return [known[key] for key in wanted]
