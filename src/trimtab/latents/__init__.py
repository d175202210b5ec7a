"""From seeds to noise, and from noise to captured latents and their store."""

from __future__ import annotations

from trimtab.latents.captures import capture
from trimtab.latents.noise import noise, noise_and_generators
from trimtab.latents.samples import LatentSamples
from trimtab.latents.seeds import (
    AUDIT_SEEDS,
    CALIBRATION_SEEDS,
    CAPTURE_SEEDS,
    SeedOverlapWarning,
    batches,
    check_seeds,
    warn_on_overlap,
)

__all__ = [
    "AUDIT_SEEDS",
    "CALIBRATION_SEEDS",
    "CAPTURE_SEEDS",
    "LatentSamples",
    "SeedOverlapWarning",
    "batches",
    "capture",
    "check_seeds",
    "noise",
    "noise_and_generators",
    "warn_on_overlap",
]
