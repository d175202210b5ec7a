"""Pictures: generate them from noise, prompts and interventions, or read them from a store.

Functions that generate pictures need torch and are loaded on first use; reading does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.generation.copies import copy_pictures
from trimtab.generation.images import ImageSet, LeftOutWarning, stored
from trimtab.generation.records import ImageRecord
from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab.generation.generator import generate, remark_on
    from trimtab.generation.initial import (
        OtherModelWarning,
        OtherSettingsWarning,
        initial_latents,
        steered_blocks,
    )

__all__ = [
    "ImageRecord",
    "ImageSet",
    "LeftOutWarning",
    "OtherModelWarning",
    "OtherSettingsWarning",
    "copy_pictures",
    "generate",
    "initial_latents",
    "remark_on",
    "steered_blocks",
    "stored",
]

__getattr__ = lazy(
    __name__,
    {
        "generator": ["generate", "remark_on"],
        "initial": [
            "OtherModelWarning",
            "OtherSettingsWarning",
            "initial_latents",
            "steered_blocks",
        ],
    },
)
