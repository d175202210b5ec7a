"""`classify`: the labels of a set of pictures, by whichever recogniser fits."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence, Sized
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.concepts import Attribute, attribute
from trimtab.errors import FileError, ModelError, UsageError
from trimtab.recognition.labels import THRESHOLD, Labels
from trimtab.recognition.protocol import OWN_FOLDER, Recogniser, recogniser_name

DEFAULT_RECOGNISER = "openai/clip-vit-large-patch14"
_HUB_ID = re.compile(r"(\b[\w\-.]+\b/)?\b[\w\-.]+\b")
_CHUNK = 64  # pictures held in memory at a time


def classify(
    images: Sequence[Image.Image],
    attribute: Attribute | str | os.PathLike[str],
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
    *,
    threshold: float = THRESHOLD,
    progress: Callable[[int, int, str], None] | None = None,
) -> Labels:
    """Recognise an attribute in pictures.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image
        n pictures. The optional attributes `seeds`, `blocked` and `model_path` are made use of.
    attribute : Attribute, str or path
        What to look for, or its name in the catalogue.
    recogniser : Recogniser, str or path, optional
        An object, or the Hub id or folder of a CLIP or SigLIP model. Left out, it is the
        ``recogniser`` folder of the model that made the pictures, where that has one, and
        "openai/clip-vit-large-patch14" otherwise.
    threshold : float, optional
        The top probability below which a picture is "unknown".
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Labels
        With the n pictures in their order. Blocked and unreadable ones are unknown, and the
        recogniser never sees them.

    Raises
    ------
    UsageError
        If there are no pictures, or the attribute or threshold is wrong.
    ModelError
        If the recogniser cannot be loaded, or does not return what it should, or is left out and
        the folder of the model that made the pictures is gone.
    """
    wanted = attribute if isinstance(attribute, Attribute) else _attribute(attribute)
    n = len(images) if isinstance(images, Sized) else 0
    if n == 0:
        raise UsageError(
            got=f"no pictures ({type(images).__name__})",
            expected="a sequence of at least one",
            do="generate or choose some",
        )
    if not 0 <= threshold <= 1:
        raise UsageError(got=f"threshold={threshold}", expected="0 to 1", do=f"use {THRESHOLD}")
    found = recogniser_for(images, recogniser)
    prompts = [group.phrases for group in wanted.groups]
    blocked = np.array(_optional(images, "blocked", np.zeros(n, bool)), dtype=bool)
    if blocked.shape != (n,):
        raise UsageError(
            got=f"{blocked.size} blocked flags for {n} pictures",
            expected="one per picture",
            do="give as many",
        )
    p = np.full((n, len(prompts)), 1 / len(prompts))
    for start in range(0, n, _CHUNK):
        rows, pictures = [], []
        for i in range(start, min(start + _CHUNK, n)):
            picture = None if blocked[i] else _read(images, i)
            if picture is None:
                blocked[i] = True
            else:
                rows.append(i)
                pictures.append(picture)
        if rows:
            p[rows] = _checked(found, pictures, prompts)
        if progress:
            progress(min(start + _CHUNK, n), n, f"recognising {wanted.title}")
    return Labels(
        wanted.name,
        wanted.names,
        p,
        np.asarray(_optional(images, "seeds", np.arange(n)), dtype=np.int64),
        blocked,
        threshold=threshold,
        title=wanted.title,
        recogniser=recogniser_name(found),
    )


def recogniser_for(
    images: Sequence[Image.Image] | None,
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
) -> Recogniser:
    """Return the recogniser that `classify` would use, loaded at most once per process.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image or None
        Where to look for the model that made the pictures (`model_path`).
    recogniser : Recogniser, str or path, optional
        As in `classify`.

    Raises
    ------
    UsageError
        If it is something else.
    ModelError
        If it cannot be loaded, or is left out and the model's folder is gone.
    """
    if recogniser is None:
        model = _optional(images, "model_path", None)
        if model and (own := Path(model) / OWN_FOLDER).is_dir():
            return _loaded(str(own.resolve()))
        if model and not (Path(model).is_dir() or _HUB_ID.fullmatch(str(model))):
            raise ModelError(
                got=f"pictures by the model {str(model)!r}, which is no longer there",
                expected=f"its folder, to look for its own {OWN_FOLDER}",
                do=f"name one: recogniser= or --recogniser, for instance {DEFAULT_RECOGNISER}",
            )
        return _loaded(DEFAULT_RECOGNISER)
    if isinstance(recogniser, str | os.PathLike):
        path = Path(recogniser)
        return _loaded(str(path.resolve()) if path.is_dir() else os.fspath(recogniser))
    if not isinstance(recogniser, Recogniser):
        raise UsageError(
            got=f"{type(recogniser).__name__} as recogniser",
            expected="an id, a folder, or an object with probabilities(images, prompts)",
            do="see the Recogniser protocol",
        )
    return recogniser


@lru_cache(maxsize=2)
def _loaded(name: str) -> Recogniser:
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

    return ZeroShotRecogniser.load(name)


def _attribute(name: str | os.PathLike[str]) -> Attribute:
    return attribute(name)


def _optional(images: Any, name: str, default: Any) -> Any:
    value = getattr(images, name, None)
    return default if value is None else value


def _read(images: Sequence[Image.Image], i: int) -> Image.Image | None:
    try:
        picture = images[i]
        if isinstance(picture, Image.Image):
            picture.load()
    except (OSError, SyntaxError, FileError):  # what PIL, or a set on disk, says of a torn file
        return None
    if picture is not None and not isinstance(picture, Image.Image):
        raise UsageError(
            got=f"{type(picture).__name__} as picture {i}",
            expected="PIL images",
            do="open or convert it with PIL.Image",
        )
    return picture


def _checked(
    recogniser: Recogniser, pictures: list[Image.Image], prompts: list[tuple[str, ...]]
) -> NDArray[np.float64]:
    p = np.asarray(recogniser.probabilities(pictures, prompts), dtype=np.float64)
    if p.shape != (len(pictures), len(prompts)) or not np.isfinite(p).all():
        raise ModelError(
            got=f"probabilities of shape {p.shape} from {type(recogniser).__name__}",
            expected=f"finite numbers of shape {(len(pictures), len(prompts))}",
            do="check the recogniser",
        )
    return p
