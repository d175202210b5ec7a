"""Noise from seeds, and latents captured from it, in memory or in a store.

Functions that make latents need torch and are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.latents.seeds import (
    AUDIT_SEEDS,
    CALIBRATION_SEEDS,
    CAPTURE_SEEDS,
    SeedOverlapWarning,
    batches,
    blocks,
    check_seeds,
    turn,
    warn_on_overlap,
)
from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab.latents.captures import capture
    from trimtab.latents.gaussian import noise, noise_and_generators
    from trimtab.latents.samples import LatentSamples

__all__ = [
    "AUDIT_SEEDS",
    "CALIBRATION_SEEDS",
    "CAPTURE_SEEDS",
    "LatentSamples",
    "SeedOverlapWarning",
    "batches",
    "blocks",
    "capture",
    "check_seeds",
    "noise",
    "noise_and_generators",
    "turn",
    "warn_on_overlap",
]

__getattr__ = lazy(
    __name__,
    {
        "captures": ["capture"],
        "gaussian": ["noise", "noise_and_generators"],
        "samples": ["LatentSamples"],
    },
)
