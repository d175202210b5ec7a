"""Convert the calls of a scheduler to steps, and steps to noise levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trimtab.errors import ModelError


@dataclass(frozen=True)
class Step:
    """What the denoiser would receive after a number of completed steps.

    Attributes
    ----------
    number : int
        Completed steps, from 1 to the number requested.
    latents : torch.Tensor
        Canonical latents ``(n, c, h, w)``, scaled as the denoising network receives them.
    timestep : float
        The timestep of `latents`, which is that of the next call, not of the last (0 at the end).
    sigma : float
        Their noise level: the ratio of noise to signal in variance-exploding notation.
    """

    number: int
    latents: torch.Tensor
    timestep: float
    sigma: float


def completing_calls(timesteps: Sequence[float], steps: int, order: int = 1) -> list[int]:
    """Return which denoiser calls (from 0) complete steps 1, 2, … `steps`.

    A step is complete when the next call is the *last* at the next step's first timestep. Heun
    visits each timestep twice, PNDM only its second one, and KDPM2 visits points in between.

    Parameters
    ----------
    timesteps : sequence of float
        The scheduler's timesteps, one per call.
    steps : int
        The number of steps requested.
    order : int
        The scheduler's ``order``, the number of timesteps from one step to the next.

    Raises
    ------
    ModelError
        If the timesteps do not show where steps end (PNDM with Runge-Kutta warm-up).
    """
    if len(timesteps) == steps:  # one call per step, even if rounding repeats a timestep
        return list(range(steps))
    starts = list(dict.fromkeys(timesteps[::order]))
    if len(starts) != steps:
        raise ModelError(
            got=f"a scheduler with {len(timesteps)} calls for {steps} steps",
            expected="calls that can be divided into steps",
            do="use another scheduler, or PNDM with skip_prk_steps=True",
        )
    last_call = {timestep: call for call, timestep in enumerate(timesteps)}
    return [last_call[start] - 1 for start in starts[1:]] + [len(timesteps) - 1]


def noise_level(scheduler: Any, timestep: float) -> float:
    """Return sigma for the next call of a scheduler, which is at `timestep`.

    Parameters
    ----------
    scheduler : diffusers scheduler
        A scheduler in the middle of a run.
    timestep : float
        The timestep of the next call.

    Raises
    ------
    ModelError
        If the scheduler has neither sigmas nor alphas.
    """
    sigmas, index = getattr(scheduler, "sigmas", None), getattr(scheduler, "step_index", None)
    if sigmas is not None and index is not None:
        sigma = float(sigmas[index])
        return sigma / (1 - sigma) if _is_flow(scheduler) else sigma
    if scheduler.config.get("prediction_type") == "trigflow":  # its timesteps are angles
        return math.tan(timestep)
    alphas = getattr(scheduler, "alphas_cumprod", None)
    if alphas is None:
        raise ModelError(
            got=f"{type(scheduler).__name__}, which does not expose its noise level",
            expected="a scheduler with sigmas or alphas_cumprod",
            do="use another scheduler to capture latents",
        )
    signal = float(alphas[int(timestep)])
    return math.sqrt((1 - signal) / signal)


def _is_flow(scheduler: Any) -> bool:
    """Return whether sigma is the share of noise in a mixture that adds up to one."""
    config = scheduler.config
    return type(scheduler).__name__.startswith("FlowMatch") or config.get("use_flow_sigmas", False)


def step_after(scheduler: Any, call: int, number: int, latents: torch.Tensor) -> Step:
    """Return the state after a denoiser call, scaled as the next call would receive it.

    Parameters
    ----------
    scheduler : diffusers scheduler
        A scheduler in the middle of a run, after its ``step``.
    call : int
        The index of the last call, from 0.
    number : int
        The step that it completed.
    latents : torch.Tensor
        Canonical latents ``(n, c, h, w)`` from the callback.
    """
    if call + 1 == len(scheduler.timesteps):
        return Step(number, latents, timestep=0.0, sigma=0.0)
    timestep = scheduler.timesteps[call + 1]
    if hasattr(scheduler, "scale_model_input"):
        latents = scheduler.scale_model_input(latents, timestep)
    return Step(number, latents, float(timestep), noise_level(scheduler, float(timestep)))
