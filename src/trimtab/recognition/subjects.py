"""`Subjects`: pictures to be recognised, with the known facts about each."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import UsageError
from trimtab.storage import Reduction, UnreadableError, as_shown, picture_hash
from trimtab.storage.decoding import BLANK

CHUNK = 64  # most pictures in memory at a time
PIXELS = 1 << 25  # after which there are no more, although they may be fewer; 4 bytes each


class Subjects:
    """The n pictures to recognise, each read only when needed.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        Facts about each picture come from `records`, as in an `ImageSet`: `seed`, `prompt`,
        `spec`, `blocked` and `picture` (its hash, `trimtab.storage.picture_hash`). Without
        records, they come from the sequences `seeds`, `prompts`, `specs`, `blocked` and `pictures`.
    reduction : Reduction, optional
        How to reduce large pictures before they are recognised.

    Raises
    ------
    UsageError
        If there are no pictures, or the number of facts differs from the number of pictures.
    """

    def __init__(self, images: Sequence[Image.Image], reduction: Reduction | None = None) -> None:
        self.images, self.reduction = images, reduction
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
        self.files: NDArray[np.str_] = np.array(self._texts("file"), dtype=str)
        numbered = [bool(value) for value in self._each("numbered", [False] * n)]
        self.numbered: NDArray[np.bool_] = np.array(numbered, dtype=bool)
        self.reasons = [""] * n
        self.unreadable: NDArray[np.bool_] = np.zeros(n, dtype=bool)

    @property
    def hashes(self) -> set[str] | None:
        """The hashes of the pictures that are not blocked; None until all are known."""
        found = {self.pictures[i] for i in np.flatnonzero(~(self.blocked | self.unreadable))}
        return None if "" in found else found

    def read(self, i: int) -> Image.Image | None:
        """Return picture i as a viewer shows it, and set its hash in `pictures`.

        A large picture is reduced. A picture that cannot be read, or in which nothing is visible,
        is marked as such and not returned.

        Raises
        ------
        UsageError
            If it is not a picture.
        """
        try:
            picture, name = self._read(i)
        except UsageError:
            raise
        except Exception as error:  # a damaged file may raise anything
            self.unreadable[i] = True
            said = error.reason if isinstance(error, UnreadableError) else str(error)
            self.reasons[i] = " ".join(said.split()) or type(error).__name__
            return None
        self.pictures[i] = self.pictures[i] or name
        if BLANK in picture.info:
            self.blocked[i] = True
            self.reasons[i] = "nothing is visible in it"
            return None
        return picture

    def _read(self, i: int) -> tuple[Image.Image, str]:
        """Return picture i, reduced if it is large, and the hash of the whole picture."""
        source = getattr(self.images, "source", None)
        picture = self.images[i] if source is None else source(i)
        if hasattr(picture, "read") and not isinstance(picture, Image.Image):
            found = picture.read(self.reduction)
            return found.image, found.picture
        if not isinstance(picture, Image.Image):
            raise UsageError(
                got=f"{type(picture).__name__} as picture {i}",
                expected="PIL images",
                do="open or convert it with PIL.Image",
            )
        picture = as_shown(picture)
        name = self.pictures[i] or picture_hash(picture)
        return (picture if self.reduction is None else self.reduction(picture)), name

    def chunks(
        self, known: Sequence[Container[str]]
    ) -> Iterator[tuple[int, dict[str, Image.Image]]]:
        """Yield the pictures that are not in all of `known`, a few at a time.

        The memory that they take is bounded: after so many pictures or pixels, what was read is
        yielded. Blocked pictures are left out. Known pictures are not read if their hash is
        available.

        Yields
        ------
        int
            Number of rows that are done then.
        dict of str to PIL.Image.Image
            Pictures by hash.
        """
        pictures: dict[str, Image.Image] = {}
        rows = pixels = 0
        for i in range(self.n):
            have = self.pictures[i]
            if not (self.blocked[i] or (have and all(have in said for said in known))):
                picture = self.read(i)
                if picture is not None and any(self.pictures[i] not in said for said in known):
                    pictures[self.pictures[i]] = picture
                    pixels += picture.width * picture.height
            rows += 1
            if rows == CHUNK or pixels >= PIXELS:
                yield i + 1, pictures
                pictures, rows, pixels = {}, 0, 0
        if rows:
            yield self.n, pictures

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
        elif name in ("file", "numbered"):
            found = None
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
