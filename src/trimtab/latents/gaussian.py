"""Noise from seeds, with one generator per seed, so that an image never depends on its batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from trimtab.latents.seeds import check_seeds
from trimtab.pipelines import LatentSpec


def noise(spec: LatentSpec, seeds: Iterable[int] | int) -> torch.Tensor:
    """Draw unit Gaussian noise; that of a seed does not depend on the other seeds.

    Parameters
    ----------
    spec : LatentSpec
        The shape of the latents. Noise is always drawn in float32 on the CPU.
    seeds : iterable of int
        One seed per image; repeats are allowed.

    Returns
    -------
    torch.Tensor
        ``(n, c, h, w)``, float32, on the CPU.
    """
    return noise_and_generators(spec, seeds)[0]


def noise_and_generators(
    spec: LatentSpec, seeds: Iterable[int] | int
) -> tuple[torch.Tensor, list[torch.Generator]]:
    """Draw the noise, and return it with the generators in the state the pipeline's would have.

    Ancestral schedulers continue drawing from the generators. With these, a run from given latents
    adds the same noise at every step as a run with ``generator=``.

    Parameters
    ----------
    spec : LatentSpec
        The shape of the latents.
    seeds : iterable of int
        One seed per image.
    """
    # Type and device are named, since torch's process-wide defaults may be others.
    generators = [
        torch.Generator("cpu").manual_seed(seed) for seed in check_seeds(seeds, unique=False)
    ]
    kind: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}
    draws = [torch.randn(spec.shape, generator=one, **kind) for one in generators]
    return torch.stack(draws), generators
