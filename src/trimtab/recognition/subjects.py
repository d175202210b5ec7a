"""`Subjects`: pictures to be recognised, with the known facts about each."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import FileError, UsageError
from trimtab.storage import picture_hash

CHUNK = 64  # pictures in memory at a time


class Subjects:
    """The n pictures to recognise, each read only when needed.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        Facts about each picture come from `records`, as in an `ImageSet`: `seed`, `prompt`,
        `spec`, `blocked` and `picture` (its hash, `trimtab.storage.picture_hash`). Without
        records, they come from the sequences `seeds`, `prompts`, `specs`, `blocked` and `pictures`.

    Raises
    ------
    UsageError
        If there are no pictures, or the number of facts differs from the number of pictures.
    """

    def __init__(self, images: Sequence[Image.Image]) -> None:
        self.images = images
        self.n = n = len(images) if isinstance(images, Sized) else 0
        if n == 0 or isinstance(images, Image.Image):
            raise UsageError(
                got=f"no pictures ({type(images).__name__})",
                expected="a sequence of at least one picture",
                do="generate or choose some",
            )
        self.seeds: NDArray[np.int64] = np.array(self._each("seed", range(n)), dtype=np.int64)
        self.blocked: NDArray[np.bool_] = np.array(self._each("blocked", [False] * n), dtype=bool)
        self.prompts: NDArray[np.str_] = np.array(self._texts("prompt"), dtype=str)
        self.specs: NDArray[np.str_] = np.array(self._texts("spec"), dtype=str)
        self.pictures: list[str] = self._texts("picture")
        self.unreadable: NDArray[np.bool_] = np.zeros(n, dtype=bool)

    @property
    def hashes(self) -> set[str] | None:
        """The hashes of the pictures that are not blocked; None until all are known."""
        found = {self.pictures[i] for i in np.flatnonzero(~(self.blocked | self.unreadable))}
        return None if "" in found else found

    def read(self, i: int) -> Image.Image | None:
        """Return picture i and set its hash in `pictures`; None if it cannot be read.

        Raises
        ------
        UsageError
            If it is not a picture.
        """
        try:
            picture = self.images[i]
            if isinstance(picture, Image.Image):
                picture.load()
        except (OSError, SyntaxError, FileError):  # a damaged file
            picture = None
        if picture is None:
            self.unreadable[i] = True
            return None
        if not isinstance(picture, Image.Image):
            raise UsageError(
                got=f"{type(picture).__name__} as picture {i}",
                expected="PIL images",
                do="open or convert it with PIL.Image",
            )
        self.pictures[i] = self.pictures[i] or picture_hash(picture)
        return picture

    def unseen(
        self, rows: Iterable[int], known: Sequence[Container[str]]
    ) -> dict[str, Image.Image]:
        """Return the pictures of some rows, by hash, that are not in all of `known`.

        Blocked pictures are left out. Known pictures are not read if their hash is available.
        """
        pictures: dict[str, Image.Image] = {}
        for i in rows:
            have = self.pictures[i]
            if self.blocked[i] or (have and all(have in said for said in known)):
                continue
            picture = self.read(i)
            if picture is not None and any(self.pictures[i] not in said for said in known):
                pictures[self.pictures[i]] = picture
        return pictures

    def status(self) -> NDArray[np.str_]:
        """Return the status of each picture after it was looked at, shape (n,)."""
        unseen = np.where(self.unreadable, "unreadable", "known")
        return np.where(self.blocked, "blocked", unseen)

    def _texts(self, name: str) -> list[str]:
        return [text or "" for text in self._each(name, [""] * self.n)]

    def _each(self, name: str, default: Sequence[Any]) -> Sequence[Any]:
        """Return a fact about each picture, or the default if unknown."""
        records = getattr(self.images, "records", None)
        found: Sequence[Any] | None
        if records is not None:
            found = [getattr(record, name, None) for record in records]
        else:
            found = getattr(self.images, name if name == "blocked" else f"{name}s", None)
        found = default if found is None else found
        if len(found) != self.n:
            raise UsageError(
                got=f"{len(found)} {name} entries for {self.n} pictures",
                expected="one per picture",
                do="make the numbers equal",
            )
        return found
