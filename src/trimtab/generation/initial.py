"""The method itself: initial noise shifted along a direction, z + ω d."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from trimtab.interventions import Intervention, Steerable, as_intervention, as_steering
from trimtab.interventions.compatibility import measured_elsewhere, told_elsewhere
from trimtab.latents import noise_and_generators
from trimtab.pipelines import latent_spec, latents_argument, model_facts


class OtherModelWarning(UserWarning):
    """A direction was learned on another model, or on other weights of this one."""


class OtherSettingsWarning(UserWarning):
    """A direction or mitigation was measured at other settings: scheduler, steps, guidance scale.

    It is given once in a process for each of them and each settings.
    """


_REMARKED: set[tuple[str, str]] = set()


def initial_latents(
    pipe: Any,
    seeds: Iterable[int] | int,
    steer: Steerable = None,
    *,
    height: int | None = None,
    width: int | None = None,
    noise_only: bool = False,
) -> torch.Tensor:
    """Return initial latents for ``pipe(prompt, latents=…)``.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline that will receive them; it is not changed.
    seeds : iterable of int
        One seed per image. An image's latents do not depend on the others.
    steer : Intervention, Steering or Direction, optional
        The shift of the noise, in its standard deviations. Without it, or with strength 0, the
        latents are those that the pipeline itself draws in float32 from a CPU generator with the
        same seed.
    height, width : int, optional
        Size of the picture in pixels, as it will be passed to the pipeline.
    noise_only : bool
        Whether to ignore the part of an intervention that adjusts the conditioning. Otherwise such
        an intervention is rejected, since latents cannot represent it.

    Returns
    -------
    torch.Tensor
        Latents in the pipeline's packed form, type and device, with unit variance before the shift.
        The pipeline itself multiplies by its scheduler's ``init_noise_sigma``.

    Raises
    ------
    UsageError
        If seeds, size or strengths are invalid, a direction's shape does not fit the model, or the
        intervention does more than shift the noise.
    ModelError
        If the pipeline's family is not in the table.

    Warns
    -----
    OtherModelWarning
        If a direction was learned on another model, or on other weights of this one.
    OtherSettingsWarning
        If a direction or mitigation was measured with another scheduler.
    """
    noise = as_intervention(as_steering(steer, noise_only=noise_only))
    latents, _ = latents_and_generators(pipe, seeds, noise, height=height, width=width)
    if noise.steering.terms:
        facts = model_facts(pipe)
        warn_if_elsewhere(pipe, noise, facts)
        warn_if_otherwise(as_intervention(steer), {"scheduler": facts["scheduler"]})
    return latents


def warn_if_elsewhere(
    pipe: Any, intervention: Intervention, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Warn about directions learned on a model other than that of `facts`, and list them."""
    found = intervention.learned_elsewhere(pipe, facts)
    for one in found:
        warnings.warn(
            f"{one['name']} was learned on {one['model']}, not on these weights of "
            f"{facts['model']}: its effect here has not been measured",
            OtherModelWarning,
            stacklevel=3,
        )
    return found


def warn_if_otherwise(intervention: Intervention, here: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Warn, once in a process, about what was measured at other settings, and list it."""
    found = measured_elsewhere(intervention, here)
    for one in found:
        remark = (one["hash"], told_elsewhere(one))
        if remark not in _REMARKED:
            _REMARKED.add(remark)
            warnings.warn(remark[1], OtherSettingsWarning, stacklevel=3)
    return found


def steered_blocks(blocks: Any, steer: Steerable, *, noise_only: bool = False) -> Any:
    """Insert a steering into the blocks of a modular pipeline.

    Blocks have no weights, so directions of another model of the same family cannot be detected.

    Parameters
    ----------
    blocks : diffusers.modular_pipelines.SequentialPipelineBlocks
        The blocks of a modular pipeline, ``pipe.blocks``; they are not changed.
    steer : Intervention, Steering or Direction, optional
        The shift of the noise, in its standard deviations.
    noise_only : bool
        Whether to ignore the part of an intervention that adjusts the conditioning.

    Returns
    -------
    diffusers.modular_pipelines.SequentialPipelineBlocks
        The text-to-image blocks with an additional block, ``steer``, after the latents are
        prepared.

    Raises
    ------
    ModelError
        If the family of the blocks is unknown, or no block is named as the one that prepares the
        latents.
    UsageError
        If a direction is of another family, or the intervention does more than shift the noise.
    """
    from trimtab.pipelines.modular import family_of_blocks, with_moved_latents

    steering, family = as_steering(steer, noise_only=noise_only), family_of_blocks(blocks)
    as_intervention(steering).check_family(family.name)
    return with_moved_latents(blocks, family, lambda n: torch.from_numpy(steering.offset(n)))


def latents_and_generators(
    pipe: Any,
    seeds: Iterable[int] | int,
    steer: Steerable = None,
    *,
    height: int | None = None,
    width: int | None = None,
) -> tuple[torch.Tensor, list[torch.Generator]]:
    """Shift the noise as `initial_latents` does, and keep the generators for later draws."""
    spec = latent_spec(pipe, height=height, width=width)
    intervention = as_intervention(steer)
    intervention.check(spec)
    latents, generators = noise_and_generators(spec, seeds)
    latents = latents + torch.from_numpy(intervention.offset(len(latents)))
    return latents_argument(pipe, latents), generators
