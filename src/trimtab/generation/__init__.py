"""Steered noise and a prompt to pictures, each with its record."""

from __future__ import annotations

from trimtab.generation.generator import generate
from trimtab.generation.images import ImageRecord, ImageSet
from trimtab.generation.initial import OtherModelWarning, initial_latents, steered_blocks

__all__ = [
    "ImageRecord",
    "ImageSet",
    "OtherModelWarning",
    "generate",
    "initial_latents",
    "steered_blocks",
]
