"""Townsfolk: drawings with known attributes, a model trained on them, and an oracle for both."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.concepts import PhraseList, phrase_list
from trimtab.errors import UsageError
from trimtab.lazy import lazy
from trimtab.townsfolk.card import CARDS, BiasCard
from trimtab.townsfolk.world import CONCEPTS, JOBS, SCENES, Bird, Home, Person, Wedding

if TYPE_CHECKING:
    from trimtab.townsfolk.detector import load_detector
    from trimtab.townsfolk.oracle import judge, load_oracle

__all__ = [
    "CARDS",
    "CONCEPTS",
    "JOBS",
    "MODELS",
    "SCENES",
    "BiasCard",
    "Bird",
    "Home",
    "Person",
    "Wedding",
    "judge",
    "load",
    "load_detector",
    "load_oracle",
    "model_folder",
    "words",
]


MODELS = {"townsfolk": "townsfolk"}
"""The embedded models, by name, each with the bias card of the drawings that it was trained on."""


def model_folder(name: str = "townsfolk") -> Path:
    """Return the folder of an embedded model, in the standard diffusers layout.

    Parameters
    ----------
    name : str
        One of `MODELS`.

    Raises
    ------
    UsageError
        If there is no such model.
    """
    if name not in MODELS:
        raise UsageError(
            got=f"the model {name!r}", expected=f"one of {', '.join(MODELS)}", do="choose one"
        )
    return Path(str(files("trimtab.townsfolk") / "models" / name))


def words(name: str) -> PhraseList:
    """Return one of townsfolk's own lists of phrases.

    Parameters
    ----------
    name : str
        "looks", what portraits show; "backgrounds", behind them; "unrelated", words of other
        scenes. The recogniser reads no words of other worlds.

    Raises
    ------
    FileError
        If there is no such list.
    """
    return phrase_list(Path(str(files("trimtab.townsfolk") / "words" / f"{name}.yaml")))


def load(name: str = "townsfolk", *, device: str = "cpu") -> Any:
    """Load an embedded pipeline.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    device : str
        As in `trimtab.pipelines.load_model`.

    Returns
    -------
    diffusers.StableDiffusionPipeline
        Text encoder, UNet, autoencoder and scheduler, in float32. The folder also contains the
        default recogniser (`recogniser/`), which `classify` finds automatically.

    Raises
    ------
    UsageError
        If there is no such model.
    ModelError
        If the weights are missing from the installation.
    """
    from trimtab.pipelines import load_model

    return load_model(model_folder(name), device=device)


__getattr__ = lazy(__name__, {"detector": ["load_detector"], "oracle": ["judge", "load_oracle"]})
