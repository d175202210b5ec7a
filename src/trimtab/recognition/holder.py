"""The recogniser in use: loaded once, on one device, and kept until it is released."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from trimtab.errors import ModelError, UsageError
from trimtab.recognition.protocol import OWN_FOLDER, Recogniser

DEFAULT_RECOGNISER = "openai/clip-vit-large-patch14"
_HUB_ID = re.compile(r"(\b[\w\-.]+\b/)?\b[\w\-.]+\b")
_held: dict[tuple[str, str], Recogniser] = {}  # one at most


def recogniser_for(
    images: Sequence[Image.Image] | None = None,
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
    device: str = "auto",
) -> Recogniser:
    """Return the recogniser that `classify` would use.

    A recogniser loaded here is kept for the next call, until another one is loaded or
    `release_recogniser` is called.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image, optional
        The pictures, whose `model_path` names the model that made them.
    recogniser : Recogniser, str or path, optional
        An object, or the Hub id or folder of a CLIP or SigLIP model. Defaults to the ``recogniser``
        folder of the model that made the pictures if it has one, otherwise to
        "openai/clip-vit-large-patch14".
    device : str, optional
        The device to load it on; "auto" uses an accelerator if there is one. An object is not
        moved.

    Raises
    ------
    UsageError
        If `recogniser` has another type, or there is no such device.
    ModelError
        If it cannot be loaded, or is omitted and the model's folder no longer exists.
    """
    if recogniser is None:
        model = getattr(images, "model_path", None)
        if model and (own := Path(model) / OWN_FOLDER).is_dir():
            return _loaded(str(own.resolve()), device)
        if model and not (Path(model).is_dir() or _HUB_ID.fullmatch(str(model))):
            raise ModelError(
                got=f"pictures by the model {str(model)!r}, which no longer exists",
                expected=f"its folder, which may contain a {OWN_FOLDER}",
                do=f"choose one with recogniser= or --recogniser, for example {DEFAULT_RECOGNISER}",
            )
        return _loaded(DEFAULT_RECOGNISER, device)
    if isinstance(recogniser, str | os.PathLike):
        path = Path(recogniser)
        return _loaded(str(path.resolve()) if path.is_dir() else os.fspath(recogniser), device)
    if not isinstance(recogniser, Recogniser):
        raise UsageError(
            got=f"{type(recogniser).__name__} as recogniser",
            expected="an id, a folder, or an object with probabilities(images, prompts)",
            do="see the Recogniser protocol",
        )
    return recogniser


def release_recogniser() -> None:
    """Release the recogniser in use, and its memory."""
    if _held:
        from trimtab.pipelines import release_memory  # needs torch, which the recogniser has loaded

        _held.clear()
        release_memory()


def _loaded(name: str, device: str) -> Recogniser:
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

    if (name, device) not in _held:
        release_recogniser()  # free memory before the next one is loaded
        _held[name, device] = ZeroShotRecogniser.load(name, device=device)
    return _held[name, device]
