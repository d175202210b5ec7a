"""Copies of pictures in another store, with all that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.generation.companions import directions_of, keep_directions, keep_place, where_made
from trimtab.generation.selection import Key, rows_by_key
from trimtab.storage import PictureIndex, Store


def copy_pictures(source: Store, to: Store, wanted: Sequence[Key]) -> None:
    """Copy pictures to another store, with their specs, directions and the model's place.

    Pictures that exist there are left as they are.

    Parameters
    ----------
    source, to : Store
        The two stores.
    wanted : sequence of tuple
        Full hash of the spec, prompt and seed of each picture.

    Raises
    ------
    FileError
        If a picture is missing or damaged, or `to` cannot be written or has a different picture
        with the same key.
    """
    PictureIndex(source).copy(rows_by_key(source, wanted), to)
    for spec in (source.spec(name) for name in dict.fromkeys(key[0] for key in wanted)):
        keep_directions(to, directions_of(source, [spec]))
        place = where_made(source, [spec])
        if not where_made(to, [spec]):
            keep_place(to, [spec], place.get("model_path"), place.get("config"))
