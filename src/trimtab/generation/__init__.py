"""Pictures: generate them from noise, prompts and interventions, or read them from a store.

Functions that generate pictures need torch and are loaded on first use; reading does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trimtab.generation.copies import copy_pictures
from trimtab.generation.images import ImageSet, stored
from trimtab.generation.records import ImageRecord

if TYPE_CHECKING:
    from trimtab.generation.generator import generate
    from trimtab.generation.initial import OtherModelWarning, initial_latents, steered_blocks

_MODULES = {
    "OtherModelWarning": "initial",
    "generate": "generator",
    "initial_latents": "initial",
    "steered_blocks": "initial",
}

__all__ = [
    "ImageRecord",
    "ImageSet",
    "OtherModelWarning",
    "copy_pictures",
    "generate",
    "initial_latents",
    "steered_blocks",
    "stored",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
