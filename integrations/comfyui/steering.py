"""Noise + strength × direction, on the latents of ComfyUI."""

from __future__ import annotations

from typing import Any

import torch

from trimtab.errors import UsageError
from trimtab.interventions import Direction, Steering

from .description import size_of
from .families import class_of, family_of, pixels_per_cell
from .naming import LOAD, NOISE


def steered(noise: torch.Tensor, steering: Steering, *, resample: bool = False) -> torch.Tensor:
    """Return noise moved along a steering; the same noise if every strength is 0.

    Parameters
    ----------
    noise : torch.Tensor
        ``(n, c, h, w)``, or with one frame ``(n, c, 1, h, w)``, as Qwen-Image has.
    steering : Steering
        Directions with their strengths.
    resample : bool
        Whether directions of another size are resampled to that of the noise.

    Raises
    ------
    UsageError
        If the noise is not that of a picture, or a direction or the number of strengths does not
        fit it.
    """
    if not steering:
        return noise
    shape = _picture_shape(noise)
    terms = [(_fitted(one, shape, resample), strength) for one, strength in steering.terms]
    _check_count(steering, len(noise))
    offset = torch.from_numpy(Steering(terms).offset(len(noise))).to(noise)
    return noise + offset.reshape(len(offset), *noise.shape[1:])


def check_model(steering: Steering, model: Any) -> None:
    """Check that no direction is of another family than a ComfyUI MODEL.

    Raises
    ------
    UsageError
        If one is.
    """
    family = family_of(model)
    for direction, _ in steering.terms if steering else ():
        stated = direction.provenance.get("family")
        if stated is None or stated == family:
            continue
        what = f"of the family {family}" if family else "of no family that trimtab supports"
        raise UsageError(
            got=f"direction {direction.name} of the family {stated}",
            expected=f"one for this model, {class_of(model)}, which is {what}",
            do="choose a direction learned on this model"
            + ("" if family else f"; {NOISE} checks only the shape"),
        )


def _picture_shape(noise: torch.Tensor) -> tuple[int, int, int]:
    if noise.ndim == 5 and noise.shape[2] != 1:
        raise UsageError(
            got=f"the latent of a video with {noise.shape[2]} frames",
            expected="the latent of a picture",
            do="set its length to 1, or leave out the steering: directions are for pictures",
        )
    if noise.ndim not in (4, 5):
        raise UsageError(
            got=f"a latent with {noise.ndim - 2} dimensions",
            expected="the latent of a picture, with height and width",
            do="leave out the steering: directions are for pictures",
        )
    return noise.shape[1], noise.shape[-2], noise.shape[-1]


def _fitted(direction: Direction, shape: tuple[int, int, int], resample: bool) -> Direction:
    if direction.shape == shape:
        return direction
    channels, height, width = shape
    family = direction.provenance.get("family")
    if channels != direction.shape[0]:
        of = f" of the family {family}" if family else ""
        raise UsageError(
            got=f"direction {direction.name}{of} with {direction.shape[0]} channels",
            expected=f"{channels} channels, as the latent of this model has",
            do="choose a direction learned on this model",
        )
    if not resample:
        cell = pixels_per_cell(family, channels)
        raise UsageError(
            got=f"direction {direction.name} for {size_of(direction)}",
            expected=f"{width * cell} × {height * cell} pixels, the size of this latent",
            do="change the size of the latent, or switch on resample",
        )
    return direction.resampled(shape)


def _check_count(steering: Steering, n: int) -> None:
    for _, strength in steering.terms:
        if isinstance(strength, tuple) and len(strength) != n:
            raise UsageError(
                got=f"{len(strength)} strengths for a batch of {n} pictures",
                expected="one strength for each picture, or one for all",
                do=f"change batch_size of the latent, or the strengths at {LOAD}",
            )
