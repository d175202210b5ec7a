"""Townsfolk: drawings with known attributes, a model trained on them, and an oracle for both."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
]


def model_folder() -> Path:
    """Return the folder of the embedded model, in the standard diffusers layout."""
    return Path(str(files("trimtab.townsfolk") / "model"))


def load(device: str = "cpu") -> Any:
    """Load the embedded pipeline.

    Parameters
    ----------
    device : str
        As in `trimtab.pipelines.load_model`.

    Returns
    -------
    diffusers.StableDiffusionPipeline
        Text encoder, UNet, autoencoder and scheduler, in float32. The folder also contains the
        default recogniser (`recogniser/`), which `classify` finds automatically.

    Raises
    ------
    ModelError
        If the weights are missing from the installation.
    """
    from trimtab.pipelines import load_model

    return load_model(model_folder(), device=device)


__getattr__ = lazy(__name__, {"detector": ["load_detector"], "oracle": ["judge", "load_oracle"]})
