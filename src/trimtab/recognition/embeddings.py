"""`embed`: the embeddings of pictures by a recogniser, stored like its answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import UsageError
from trimtab.recognition.classification import open_archive
from trimtab.recognition.holder import recogniser_for
from trimtab.recognition.protocol import (
    Embedder,
    Recogniser,
    recogniser_name,
    recogniser_version,
)
from trimtab.recognition.reductions import reduction_of
from trimtab.recognition.subjects import Subjects

if TYPE_CHECKING:
    from trimtab.storage import Progress, Store

BLACK = Image.new("RGB", (64, 64))


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Unit embeddings of n pictures.

    Parameters
    ----------
    pictures : ndarray of str, shape (n,)
        Hash of each picture; "" if it could not be read.
    seeds : ndarray of int, shape (n,)
        Seed of each picture.
    prompts : ndarray of str, shape (n,)
        Prompt of each picture; "" if unknown.
    vectors : ndarray of float32, shape (n, e)
        One row per picture; NaN if it is blocked or unreadable.
    recogniser, version : str
        Name and fingerprint of the recogniser.
    """

    pictures: NDArray[np.str_]
    seeds: NDArray[np.int64]
    prompts: NDArray[np.str_]
    vectors: NDArray[np.float32]
    recogniser: str = ""
    version: str = ""

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.seeds)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Mask of the pictures that were embedded, shape (n,)."""
        return np.array(np.isfinite(self.vectors).all(axis=1), dtype=bool)


def embed(
    images: Sequence[Image.Image],
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
    *,
    store: Store | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Embeddings:
    """Embed pictures.

    Parameters
    ----------
    images, recogniser, store, device, progress
        As in `classify`; the recogniser must be able to embed pictures.

    Returns
    -------
    Embeddings
        Embeddings of the n pictures, in order.

    Raises
    ------
    UsageError
        If there are no pictures, or the recogniser cannot embed.
    ModelError
        If the recogniser cannot be loaded.
    """
    Subjects(images)  # refuse what are no pictures before loading anything
    embedder = recogniser_for(images, recogniser, device)
    if not isinstance(embedder, Embedder):
        raise UsageError(
            got=f"{type(embedder).__name__}, which cannot embed pictures",
            expected="a recogniser with embed_images",
            do="use a CLIP or SigLIP model",
        )
    subjects = Subjects(images, reduction_of(embedder))
    name, version = recogniser_name(embedder), recogniser_version(embedder)
    archive = open_archive(store, name, version)
    known = archive.embeddings(subjects.hashes) if archive else {}
    for done, pictures in subjects.chunks([known]):
        if pictures:
            new = dict(zip(pictures, embedder.embed_images(list(pictures.values())), strict=True))
            known |= new
            if archive:
                archive.add_embeddings(new)
        if progress:
            progress(done, subjects.n, "embedding pictures")
    seen = np.flatnonzero(subjects.status() == "known")
    # If there is nothing to embed, a black picture tells the size that rows would have.
    rows_of = [known[subjects.pictures[i]] for i in seen] or embedder.embed_images([BLACK])
    found = np.full((subjects.n, len(rows_of[0])), np.nan, dtype=np.float32)
    if len(seen):
        found[seen] = rows_of
    hashes = np.array(subjects.pictures, dtype=str)
    return Embeddings(hashes, subjects.seeds, subjects.prompts, found, name, version)
