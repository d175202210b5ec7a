"""The record of one picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.storage import PictureRow

FILE = "file"
"""The entry of a row's environment with the name of the file that a picture was read from."""


@dataclass(frozen=True)
class ImageRecord:
    """What is known about one picture.

    Attributes
    ----------
    seed : int
        The seed of its noise; a running number for pictures made elsewhere (`numbered`).
    prompt : str
        The prompt; empty for pictures made elsewhere.
    spec : str
        Full hash of the spec; empty for pictures made elsewhere that are not in a store.
    intervention : dict or None
        The record of the intervention for this picture; None for pictures made elsewhere.
    blocked : bool
        True if the pipeline's safety checker blacked out the picture, its values are not finite,
        or a black picture replaces an unreadable one. Such pictures must not be classified.
    picture : str
        Hash of the content; empty for a file that has not been read yet.
    environment : dict
        What may have affected the last bits (device, threads, versions), and what is known about
        the model. It is ignored when records are compared.
    file : str
        Name of the file; empty for pictures that were not read from a folder.
    numbered : bool
        True if the seed is only a running number, by which no pictures may be paired.
    """

    seed: int
    prompt: str
    spec: str = ""
    intervention: dict[str, Any] | None = None
    blocked: bool = False
    picture: str = ""
    environment: dict[str, Any] = field(default_factory=dict, compare=False)
    file: str = ""
    numbered: bool = False

    @classmethod
    def of_row(cls, row: PictureRow, spec: Mapping[str, Any]) -> ImageRecord:
        """Return the record of a picture in a store, from its row and the document of its spec."""
        environment = json.loads(row.environment)
        return cls(
            row.seed,
            row.prompt,
            row.spec,
            spec["intervention"],
            row.blocked,
            row.picture,
            {key: value for key, value in environment.items() if key != FILE},
            environment.get(FILE, ""),
            spec["model"] is None,
        )
