"""Makes one batch of pictures from seeds, prompts and interventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PIL import Image

from trimtab.generation.initial import latents_and_generators
from trimtab.interventions import Intervention, Steering
from trimtab.pipelines import RunSettings, run

NOT_FINITE = "not_finite"
"""The entry of a picture's environment that says why it is blocked."""


class Batch(NamedTuple):
    """The result of a batch.

    Attributes
    ----------
    images : list of PIL.Image.Image
        One per seed.
    blocked : list of bool
        True for pictures that the safety checker blacked out, or that are not finite.
    environments : list of dict
        For each picture, what `ImageRecord.environment` says beside what the job knows.
    """

    images: list[Image.Image]
    blocked: list[bool]
    environments: list[dict[str, Any]]


def make_batch(
    pipe: Any,
    settings: RunSettings,
    prompt: str,
    seeds: Sequence[int],
    interventions: Sequence[Intervention],
) -> Batch:
    """Make one picture per seed.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline.
    settings : RunSettings
        The settings of the run, resolved.
    prompt : str
        The prompt of all pictures.
    seeds : sequence of int
        One seed per picture.
    interventions : sequence of Intervention
        One intervention per picture, with plain numbers as strengths. They may differ only in
        their strengths.
    """
    size = {"height": settings.height, "width": settings.width}
    latents, generators = latents_and_generators(pipe, seeds, _together(interventions), **size)
    prompts = [prompt] * len(seeds)
    prompts, conditioning = interventions[0].adjusted(pipe, prompts, seeds, settings)
    pictures = run(
        pipe,
        prompts,
        latents,
        settings=settings,
        generators=generators,
        conditioning=conditioning,
    )
    assert pictures is not None  # None only after an early stop
    shared = {"device": latents.device.type}
    return Batch(
        pictures.images,
        [hidden or not fine for _, hidden, fine in zip(*pictures, strict=True)],
        [shared if fine else shared | {NOT_FINITE: True} for fine in pictures.finite],
    )


def _together(interventions: Sequence[Intervention]) -> Steering:
    """Combine the steerings of all images into one, with strengths per image."""
    each = [one.steering.terms for one in interventions]
    return Steering(
        (terms[0][0], [strength for _, strength in terms]) for terms in zip(*each, strict=True)
    )
