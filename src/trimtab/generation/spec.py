"""The spec of a picture: everything that determines it, except its prompt and its seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMAT = "trimtab-spec"


def foreign_spec(collection: str) -> dict[str, Any]:
    """Return the spec of pictures made elsewhere.

    Parameters
    ----------
    collection : str
        Hash of the content of all pictures, which identifies the collection.
    """
    return {
        "format": FORMAT,
        "version": 1,
        "model": None,
        "settings": {},
        "batch_size": None,
        "intervention": None,
        "collection": collection,
    }


def record_of_picture(
    spec: str, document: Mapping[str, Any], prompt: str, seed: int, blocked: bool
) -> dict[str, Any]:
    """Return the metadata for a picture's file: the same for the same row, on every machine."""
    about = {key: value for key, value in document.items() if key not in ("format", "version")}
    own = {"spec": spec, "prompt": prompt, "seed": seed, "blocked": blocked}
    return {"format": "trimtab-picture", "version": 1} | own | about
