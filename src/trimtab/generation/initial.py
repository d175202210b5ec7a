"""The method itself: the initial noise moved along a direction, z + ω d."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from trimtab.directions import as_steering
from trimtab.directions.steering import Steerable
from trimtab.latents import noise_and_generators
from trimtab.pipelines import latent_spec, latents_argument


def initial_latents(
    pipe: Any,
    seeds: Iterable[int] | int,
    steer: Steerable = None,
    *,
    height: int | None = None,
    width: int | None = None,
) -> torch.Tensor:
    """Make initial latents for ``pipe(prompt, latents=…)``.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline that will get them; it is only looked at.
    seeds : iterable of int
        One image each. An image's latents do not depend on the others.
    steer : Steering or Direction, optional
        What to move the noise by, in its standard deviations. Without, or with strength 0, the
        latents are those that the pipeline itself draws in float32 from a CPU generator of the
        same seed.
    height, width : int, optional
        Size of the picture in pixels, as it will be passed to the pipeline.

    Returns
    -------
    torch.Tensor
        In the pipeline's packed form, type and device, of unit variance before the move: the
        pipeline itself multiplies by its scheduler's ``init_noise_sigma``.

    Raises
    ------
    UsageError
        When seeds, size or strengths are wrong, or a direction's shape is not this model's.
    ModelError
        When the pipeline's family is not in the table.
    """
    return latents_and_generators(pipe, seeds, steer, height=height, width=width)[0]


def steered_blocks(blocks: Any, steer: Steerable) -> Any:
    """Insert a steering into the blocks of a modular pipeline.

    Parameters
    ----------
    blocks : diffusers.modular_pipelines.SequentialPipelineBlocks
        Those of a modular pipeline, ``pipe.blocks``; they are left as they are.
    steer : Steering or Direction, optional
        What to move the noise by, in its standard deviations.

    Returns
    -------
    diffusers.modular_pipelines.SequentialPipelineBlocks
        The text-to-image blocks with one more, ``steer``, after the latents are prepared.

    Raises
    ------
    ModelError
        When the blocks are of no known family, or do not name what prepares the latents.
    UsageError
        When a direction is of another family.
    """
    from trimtab.pipelines.modular import family_of_blocks, with_moved_latents

    steering, family = as_steering(steer), family_of_blocks(blocks)
    steering.check_family(family.name)
    return with_moved_latents(blocks, family, lambda n: torch.from_numpy(steering.offset(n)))


def latents_and_generators(
    pipe: Any,
    seeds: Iterable[int] | int,
    steer: Steerable = None,
    *,
    height: int | None = None,
    width: int | None = None,
) -> tuple[torch.Tensor, list[torch.Generator]]:
    """Do as `initial_latents`, and keep the generators for the noise that is added on the way."""
    spec = latent_spec(pipe, height=height, width=width)
    steering = as_steering(steer)
    steering.check(spec)
    latents, generators = noise_and_generators(spec, seeds)
    latents = latents + torch.from_numpy(steering.offset(len(latents)))
    return latents_argument(pipe, latents), generators
