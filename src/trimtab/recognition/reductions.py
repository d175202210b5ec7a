"""How far a picture may be reduced before a recogniser sees it, without changing what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from PIL import Image

from trimtab.storage import Reduction

_SIZES = ((640, 480), (480, 640), (641, 479), (1000, 333))  # pictures of the trial
_known: WeakKeyDictionary[Any, Reduction | None] = WeakKeyDictionary()


def reduction_of(recogniser: object) -> Reduction | None:
    """Return the reduction that a recogniser's image processor begins with, if there is one.

    A photograph takes 50 MB of memory, and the processor of a CLIP or SigLIP model first resizes it
    to some hundred pixels. Doing the same beforehand, picture by picture, bounds the memory. It
    changes nothing: resizing to its own size leaves a picture as it is. This is tried with some
    pictures, and if the processor's output differs in any bit, pictures are not reduced.

    Parameters
    ----------
    recogniser : Recogniser
        Any; without an `image_processor` of transformers, its pictures are not reduced.
    """
    processor = getattr(recogniser, "image_processor", None)
    if processor is None:
        return None
    try:
        if processor not in _known:
            _known[processor] = _tried(processor)
        return _known[processor]
    except TypeError:  # it cannot be remembered
        return _tried(processor)


def _tried(processor: Any) -> Reduction | None:
    """Return the first reduction that changes nothing."""
    try:
        named = _named(processor)
        return named if named is not None and _same(processor, named) else None
    except Exception:  # a processor of a kind that is not known
        return None


def _named(processor: Any) -> Reduction | None:
    """Return the reduction that a processor's settings name."""
    size = processor.size
    size = dict(size if isinstance(size, Mapping) else vars(size))
    size = {key: value for key, value in size.items() if value}
    if not processor.do_resize:
        return None
    resample = int(processor.resample)
    if size.keys() == {"height", "width"}:
        return Reduction(size["width"], size["height"], resample=resample)
    if size.keys() == {"shortest_edge"}:
        return Reduction(shortest=size["shortest_edge"], resample=resample)
    return None


def _same(processor: Any, reduction: Reduction) -> bool:
    """Return whether the processor makes the same of a picture and of the reduced picture."""
    rng = np.random.default_rng(0)
    for width, height in _SIZES:
        picture = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        small = picture.resize(reduction.size(width, height), Image.Resampling(reduction.resample))
        # One at a time, since some processors make all pictures of a call equally large.
        whole, part = (
            processor(images=[one], return_tensors="np")["pixel_values"] for one in (picture, small)
        )
        if not np.array_equal(np.asarray(whole), np.asarray(part)):
            return False
    return True
