"""The method itself: the initial noise moved along a direction, z + ω d."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from trimtab.interventions import Steering, as_steering
from trimtab.interventions.steering import Steerable
from trimtab.latents import noise_and_generators
from trimtab.pipelines import latent_spec, latents_argument, model_facts


class OtherModelWarning(UserWarning):
    """A direction was learned on another model, or on other weights of this one."""


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

    Warns
    -----
    OtherModelWarning
        When a direction was learned on another model, or on other weights of this one.
    """
    latents, _ = latents_and_generators(pipe, seeds, steer, height=height, width=width)
    if steer is not None:
        warn_if_elsewhere(as_steering(steer), model_facts(pipe))
    return latents


def warn_if_elsewhere(steering: Steering, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Warn of directions learned on another model than that of `facts`, and list them."""
    found = steering.learned_elsewhere(facts)
    for one in found:
        warnings.warn(
            f"{one['name']} was learned on {one['model']}, not on these weights of "
            f"{facts['model']}: its effect here was not measured",
            OtherModelWarning,
            stacklevel=3,
        )
    return found


def steered_blocks(blocks: Any, steer: Steerable) -> Any:
    """Insert a steering into the blocks of a modular pipeline.

    Blocks have no weights, so that a direction of another model of the family cannot be told here.

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
