"""From calls of a scheduler to steps, and from steps to noise levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trimtab.errors import ModelError


@dataclass(frozen=True)
class Step:
    """What the denoiser would see after a number of completed steps.

    Attributes
    ----------
    number : int
        Completed steps, from 1 to the number requested.
    latents : torch.Tensor
        Canonical latents ``(n, c, h, w)``, scaled as the denoising network sees them.
    timestep : float
        The timestep of `latents`: of the coming call, not of the one just done (0 at the end).
    sigma : float
        Their noise level, the ratio of noise to signal under variance-exploding notation.
    """

    number: int
    latents: torch.Tensor
    timestep: float
    sigma: float


def completing_calls(timesteps: Sequence[float], steps: int, order: int = 1) -> list[int]:
    """Find which denoiser call (from 0) completes step 1, 2, … `steps`.

    A step is complete when the *last* call at its starting timestep comes next: Heun visits
    each timestep twice, PNDM its second one, KDPM2 goes through points in between.

    Parameters
    ----------
    timesteps : sequence of float
        The scheduler's timesteps, one per call.
    steps : int
        The number of steps requested.
    order : int
        The scheduler's ``order``: its stride from step to step.

    Raises
    ------
    ModelError
        When the timesteps do not tell where steps end (PNDM with Runge-Kutta warm-up).
    """
    if len(timesteps) == steps:  # one call a step, even where rounding repeats a timestep
        return list(range(steps))
    starts = list(dict.fromkeys(timesteps[::order]))
    if len(starts) != steps:
        raise ModelError(
            got=f"a scheduler with {len(timesteps)} calls for {steps} steps",
            expected="calls that can be told apart into steps",
            do="use another scheduler, or PNDM with skip_prk_steps=True",
        )
    last_call = {timestep: call for call, timestep in enumerate(timesteps)}
    return [last_call[start] - 1 for start in starts[1:]] + [len(timesteps) - 1]


def noise_level(scheduler: Any, timestep: float) -> float:
    """Give sigma for the coming call of a scheduler that stands at `timestep`.

    Parameters
    ----------
    scheduler : diffusers scheduler
        In the middle of a run.
    timestep : float
        The timestep of the coming call.
    """
    sigmas, index = getattr(scheduler, "sigmas", None), getattr(scheduler, "step_index", None)
    if sigmas is not None and index is not None:
        sigma = float(sigmas[index])
        return sigma / (1 - sigma) if _is_flow(scheduler) else sigma
    if scheduler.config.get("prediction_type") == "trigflow":  # its timesteps are angles
        return math.tan(timestep)
    signal = float(scheduler.alphas_cumprod[int(timestep)])
    return math.sqrt((1 - signal) / signal)


def _is_flow(scheduler: Any) -> bool:
    """Tell whether sigma is the share of noise in a mixture that adds up to one."""
    config = scheduler.config
    return type(scheduler).__name__.startswith("FlowMatch") or config.get("use_flow_sigmas", False)


def step_after(scheduler: Any, call: int, number: int, latents: torch.Tensor) -> Step:
    """Describe the state after a denoiser call, scaled as the next call would see it.

    Parameters
    ----------
    scheduler : diffusers scheduler
        In the middle of a run, after its ``step``.
    call : int
        The call just done, from 0.
    number : int
        The step that it completed.
    latents : torch.Tensor
        Canonical latents ``(n, c, h, w)`` as the callback got them.
    """
    if call + 1 == len(scheduler.timesteps):
        return Step(number, latents, timestep=0.0, sigma=0.0)
    timestep = scheduler.timesteps[call + 1]
    if hasattr(scheduler, "scale_model_input"):
        latents = scheduler.scale_model_input(latents, timestep)
    return Step(number, latents, float(timestep), noise_level(scheduler, float(timestep)))
