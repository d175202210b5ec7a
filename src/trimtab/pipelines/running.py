"""Running a pipeline from given latents: all the way to pictures, or only to a step."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from PIL import Image

from trimtab.errors import ModelError, TrimtabError, UsageError
from trimtab.pipelines.families import family_of, latent_spec, parameters
from trimtab.pipelines.loading import first_line
from trimtab.pipelines.schedules import Step, completing_calls, step_after
from trimtab.pipelines.settings import RunSettings

PROMPTS = ("prompt", "negative_prompt")
"""What embeddings stand for."""


class Pictures(NamedTuple):
    """What a run gives: pictures, and which of them the safety checker blacked out.

    Attributes
    ----------
    images : list of PIL.Image.Image
        One per prompt.
    blocked : list of bool
        True where the picture is black because the pipeline's safety checker said so.
    """

    images: list[Image.Image]
    blocked: list[bool]


class _Stop(Exception):
    """Leaves a pipeline from its callback: of all ways, the one that every pipeline obeys."""


def run(
    pipe: Any,
    prompts: Sequence[str],
    latents: torch.Tensor,
    *,
    settings: RunSettings,
    generators: list[torch.Generator] | None = None,
    embeddings: Mapping[str, Any] | None = None,
    stop_after: int | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Pictures | None:
    """Call a pipeline once, from given initial latents.

    The pipeline is left as it was: for the call alone its progress bar is switched off, and its
    scheduler draws from the generators.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline.
    prompts : sequence of str
        One prompt per image.
    latents : torch.Tensor
        Initial latents of unit variance in the pipeline's packed form, one per prompt.
    settings : RunSettings
        How to run.
    generators : list of torch.Generator, optional
        One per image, for schedulers that add noise on their way.
    embeddings : mapping, optional
        As `embed` gives them; they stand for the prompts and the negative prompt.
    stop_after : int, optional
        Leave the pipeline after this many completed steps: no further denoising, no decoding.
    on_step : callable, optional
        Gets a `Step` after each completed step.

    Returns
    -------
    Pictures or None
        None when stopped early.

    Raises
    ------
    UsageError
        When the latents' shape or type is not the pipeline's, `stop_after` is out of range, or the
        pipeline refuses the settings.
    ModelError
        When the pipeline never calls back after a step, or its pictures have another size.
    """
    settings = settings.resolve(pipe)
    _check_latents(pipe, latents, len(prompts), settings)
    call = _arguments(pipe, prompts, settings) | {"latents": latents, "generator": generators}
    if embeddings is not None:
        # None, not nothing: some take an empty negative prompt for granted.
        call |= {name: None for name in PROMPTS if name in parameters(pipe)} | dict(embeddings)
    watch = None
    if stop_after is not None or on_step is not None:
        watch = _Watch(pipe, latents, settings, stop_after, on_step)
        call |= watch.hooks()
    with _no_progress_bar(pipe), _seeded(pipe.scheduler, generators):
        try:
            output = pipe(**call)
        except BaseException as error:
            pipe.maybe_free_model_hooks()  # the pipeline does so itself only at its own end
            if isinstance(error, _Stop):
                return None
            if isinstance(error, ValueError) and not isinstance(error, TrimtabError):
                raise UsageError(
                    got=f"settings that {type(pipe).__name__} refuses ({first_line(error)})",
                    expected=f"such as a model of {family_of(pipe).name} takes",
                    do="change the steps, the scheduler or the size",
                ) from error
            raise
    _check_size(pipe, output.images, settings)
    if watch is not None and not watch.called:
        raise ModelError(
            got=f"{type(pipe).__name__}, which never called back after a step",
            expected="a pipeline that honours callback_on_step_end, or the older callback",
            do="use a pipeline class that supports it",
        )
    blocked = getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)
    return Pictures(list(output.images), [bool(flag) for flag in blocked])


def _arguments(pipe: Any, prompts: Sequence[str], settings: RunSettings) -> dict[str, Any]:
    """Say only what was asked: None is no default of every pipeline, nor is every name known."""
    family = family_of(pipe)
    asked = {name: value for name, value in settings.to_dict().items() if value is not None}
    call = {"prompt": list(prompts), **asked}
    if "guidance_scale" in call:
        call[family.guidance] = call.pop("guidance_scale")
    if "negative_prompt" in call:
        call["negative_prompt"] = [call["negative_prompt"]] * len(prompts)
    return call | family.options(settings.num_inference_steps or 1)


class _Watch:
    """The callback: turns calls into steps, shows each step, and stops after the last wanted."""

    def __init__(
        self,
        pipe: Any,
        latents: torch.Tensor,
        settings: RunSettings,
        stop_after: int | None,
        on_step: Callable[[Step], None] | None,
    ) -> None:
        self.steps = settings.num_inference_steps or 0
        if stop_after is not None and not 1 <= stop_after <= self.steps:
            raise UsageError(
                got=f"a stop after step {stop_after}",
                expected=f"a step from 1 to {self.steps}",
                do="choose another step or more num_inference_steps",
            )
        self.pipe, self.family = pipe, family_of(pipe)
        self.shape = latent_spec(pipe, height=settings.height, width=settings.width).shape
        self.stop_after, self.on_step = stop_after, on_step
        self.called, self.number = False, 0
        self.completing: list[int] = []

    def hooks(self) -> dict[str, Any]:
        """Give the arguments that make the pipeline call back, in the way that it knows."""
        if "callback_on_step_end" in parameters(self.pipe):
            return {
                "callback_on_step_end": self.after_call,
                "callback_on_step_end_tensor_inputs": ["latents"],
            }
        return {"callback": self.after_step, "callback_steps": 1}

    def after_call(
        self, pipe: Any, call: int, timestep: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        """Hear of every call of the denoiser."""
        if call in self.calls():
            self.done(call, tensors["latents"])
        return {}

    def after_step(self, step: int, timestep: Any, latents: torch.Tensor) -> None:
        """Hear, in the older way, only of calls that complete a step."""
        self.done(self.calls()[self.number], latents)

    def calls(self) -> list[int]:
        """List the calls that complete a step; known once the pipeline has set its scheduler."""
        if not self.called:
            self.called = True
            scheduler = self.pipe.scheduler
            # Sana Sprint's scheduler lists one timestep more than the pipeline visits.
            visited = scheduler.timesteps[: getattr(self.pipe, "num_timesteps", None)]
            order = getattr(scheduler, "order", 1)
            self.completing = completing_calls(visited.tolist(), self.steps, order)
        return self.completing

    def done(self, call: int, latents: torch.Tensor) -> None:
        """Show a completed step, and stop after the last wanted."""
        self.number += 1
        if self.on_step is not None:
            canonical = self.family.unpack(latents, self.shape)
            self.on_step(step_after(self.pipe.scheduler, call, self.number, canonical))
        if self.number == self.stop_after:
            raise _Stop


def _check_latents(pipe: Any, latents: torch.Tensor, n: int, settings: RunSettings) -> None:
    spec = latent_spec(pipe, height=settings.height, width=settings.width)
    canonical = torch.empty((n, *spec.shape), dtype=spec.dtype, device="meta")
    wanted = tuple(family_of(pipe).as_argument(canonical).shape)
    if tuple(latents.shape) != wanted or latents.dtype != spec.dtype:
        raise UsageError(
            got=f"latents of shape {tuple(latents.shape)} and {latents.dtype}",
            expected=f"shape {wanted} and {spec.dtype} for {n} prompts of {spec.family}",
            do="make them with initial_latents at the same height and width",
        )


def _check_size(pipe: Any, images: Sequence[Image.Image], settings: RunSettings) -> None:
    wanted = settings.width, settings.height
    for image in images:
        if image.size != wanted:
            raise ModelError(
                got=f"a picture of {image.width}x{image.height} pixels from {type(pipe).__name__}",
                expected=f"{settings.width}x{settings.height}, which its row of the table promises",
                do="correct `reduction` of the Family that names it",
            )


@contextlib.contextmanager
def _no_progress_bar(pipe: Any) -> Iterator[None]:
    before = dict(getattr(pipe, "_progress_bar_config", {}))
    pipe.set_progress_bar_config(**before | {"disable": True})
    try:
        yield
    finally:
        pipe.set_progress_bar_config(**before)


@contextlib.contextmanager
def _seeded(scheduler: Any, generators: list[torch.Generator] | None) -> Iterator[None]:
    """Let a scheduler's noise come from the generators where the pipeline does not pass them on.

    Flow pipelines do not, so that stochastic sampling would draw from torch's global state.
    """
    if "generator" not in inspect.signature(scheduler.step).parameters:
        yield
        return
    own = vars(scheduler).get("step")  # which somebody may have put there
    scheduler.step = functools.partial(scheduler.step, generator=generators)
    try:
        yield
    finally:
        if own is None:
            del scheduler.step
        else:
            scheduler.step = own
