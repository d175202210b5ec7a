"""Runs a pipeline from given latents, to the end or only up to a step."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from PIL import Image

from trimtab.errors import ModelError, UsageError, cause, first_line
from trimtab.pipelines.conditioning import Conditioning
from trimtab.pipelines.families import (
    denoiser_of,
    family_of,
    latent_dtype,
    latent_spec,
    parameters,
)
from trimtab.pipelines.finiteness import Finiteness
from trimtab.pipelines.schedules import Step, completing_calls, step_after
from trimtab.pipelines.session import session
from trimtab.pipelines.settings import RunSettings

PROMPTS = ("prompt", "negative_prompt")
"""The arguments that a conditioning replaces."""
MISFITS = (ValueError, TypeError, AttributeError, LookupError, NotImplementedError)
"""The exceptions of schedulers that a pipeline, or its settings, do not suit."""


class Pictures(NamedTuple):
    """The result of a run: pictures, and which of them the safety checker blacked out.

    Attributes
    ----------
    images : list of PIL.Image.Image
        One per prompt.
    blocked : list of bool
        True if the pipeline's safety checker blacked out the picture.
    finite : list of bool
        False if the picture has values that are not finite.
    """

    images: list[Image.Image]
    blocked: list[bool]
    finite: list[bool]


class _Stop(Exception):
    """Stops a pipeline from its callback, in the only way that works with every pipeline."""


def run(
    pipe: Any,
    prompts: Sequence[str],
    latents: torch.Tensor,
    *,
    settings: RunSettings,
    generators: list[torch.Generator] | None = None,
    conditioning: Conditioning | None = None,
    stop_after: int | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Pictures | None:
    """Call a pipeline once, from given initial latents.

    The pipeline and its scheduler are not changed: `run` calls a copy with the same modules, and
    without a progress bar. Runs on one pipeline may overlap.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline.
    prompts : sequence of str
        One prompt per image; they may differ.
    latents : torch.Tensor
        Initial latents of unit variance in the pipeline's packed form, one per prompt.
    settings : RunSettings
        The settings of the run.
    generators : list of torch.Generator, optional
        One per image, for schedulers that add noise while denoising.
    conditioning : Conditioning, optional
        The result of `encode`, one row per image; replaces the prompts and the negative prompt.
    stop_after : int, optional
        Stop after this many completed steps, without further denoising or decoding.
    on_step : callable, optional
        Called with a `Step` after each completed step.

    Returns
    -------
    Pictures or None
        None if stopped early.

    Raises
    ------
    UsageError
        If the latents' shape or type is not the pipeline's, `stop_after` is out of range, the
        pipeline or its scheduler rejects the settings, it needs a picture for an IP-Adapter, or a
        run that cannot share it has not ended.
    ModelError
        If the pipeline never calls back after a step, or its pictures have another size.
    """
    settings = settings.resolve(pipe)
    _check_latents(pipe, latents, len(prompts), settings)
    _check_no_picture_wanted(pipe)
    if conditioning is not None and len(conditioning) != len(prompts):
        raise UsageError(
            got=f"a conditioning of {len(conditioning)} rows for {len(prompts)} prompts",
            expected="one row per image",
            do="select the rows of these images",
        )
    call = _arguments(pipe, prompts, settings) | {"latents": latents, "generator": generators}
    if conditioning is not None:
        # Pass None rather than nothing: some pipelines default to an empty negative prompt.
        call |= {name: None for name in PROMPTS if name in parameters(pipe)}
        call |= conditioning.arguments()
    with session(pipe, generators) as own:
        finiteness, watch = Finiteness(own), None
        if stop_after is not None or on_step is not None:
            watch = _Watch(own, latents, settings, stop_after, on_step)
            call |= watch.hooks()
        try:
            output = own(**call)
        except BaseException as error:
            own.maybe_free_model_hooks()  # the pipeline does so itself only at its own end
            if isinstance(error, _Stop):
                return None
            if isinstance(error, MISFITS) and (refusal := _refusal(error, own)) is not None:
                raise refusal from error
            raise
    _check_size(pipe, output.images, settings)
    if watch is not None and not watch.called:
        raise ModelError(
            got=f"{type(pipe).__name__}, which never called back after a step",
            expected="a pipeline that honours callback_on_step_end, or the older callback",
            do="use a pipeline class that supports it",
        )
    blocked = getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)
    images = list(output.images)
    return Pictures(images, [bool(flag) for flag in blocked], finiteness.of(len(images)))


def _refusal(error: Exception, pipe: Any) -> UsageError | None:
    """Return the error to report if the pipeline or its scheduler rejected the settings.

    Also if they do not fit together. Other exceptions are faults, and are not to be hidden.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    known, who = frames[-1].f_locals, frames[-1].f_code.co_name
    scheduler, family = pipe.scheduler, family_of(pipe).name
    if isinstance(error, ValueError) and (
        (who == "check_inputs" and known.get("self") is pipe)
        or (who == "set_timesteps" and known.get("self") is scheduler)
        or (who == "retrieve_timesteps" and known.get("scheduler") is scheduler)
    ):
        return UsageError(
            got=f"settings that {type(pipe).__name__} rejects ({first_line(error)})",
            expected=f"settings that a {family} model accepts",
            do="change the steps, the scheduler or the size",
        )
    kinds = tuple(f"{kind.__name__}." for kind in type(scheduler).__mro__)
    if (
        any(frame.f_locals.get("self") is scheduler for frame in frames)
        or (isinstance(error, AttributeError) and error.obj is scheduler)
        or (isinstance(error, TypeError) and str(error).startswith(kinds))
    ):
        return UsageError(
            got=f"{type(scheduler).__name__}, which fails in {type(pipe).__name__} "
            f"({cause(error)})",
            expected=f"a scheduler that works with a {family} model",
            do="choose another scheduler, with a configuration made for this model",
        )
    return None


def _arguments(pipe: Any, prompts: Sequence[str], settings: RunSettings) -> dict[str, Any]:
    """Return only the settings given: not every pipeline accepts None or knows every name."""
    family = family_of(pipe)
    asked = {name: value for name, value in settings.to_dict().items() if value is not None}
    call = {"prompt": list(prompts), **asked}
    if "guidance_scale" in call:
        call[family.guidance] = call.pop("guidance_scale")
    if "negative_prompt" in call:
        call["negative_prompt"] = [call["negative_prompt"]] * len(prompts)
    return call | family.options(settings.num_inference_steps or 1)


class _Watch:
    """The callback: converts calls to steps, reports each step, and stops after the last one."""

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
        """Return the arguments that make the pipeline call back, in the form it supports."""
        if "callback_on_step_end" in parameters(self.pipe):
            return {
                "callback_on_step_end": self.after_call,
                "callback_on_step_end_tensor_inputs": ["latents"],
            }
        return {"callback": self.after_step, "callback_steps": 1}

    def after_call(
        self, pipe: Any, call: int, timestep: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        """Handle a call of the denoiser."""
        if call in self.calls():
            self.done(call, tensors["latents"])
        return {}

    def after_step(self, step: int, timestep: Any, latents: torch.Tensor) -> None:
        """Handle a call that completes a step, through the older callback."""
        self.done(self.calls()[self.number], latents)

    def calls(self) -> list[int]:
        """List the calls that complete a step, once the pipeline has set its scheduler."""
        if not self.called:
            self.called = True
            scheduler = self.pipe.scheduler
            # Sana Sprint's scheduler lists one timestep more than the pipeline visits.
            visited = scheduler.timesteps[: getattr(self.pipe, "num_timesteps", None)]
            order = getattr(scheduler, "order", 1)
            self.completing = completing_calls(visited.tolist(), self.steps, order)
        return self.completing

    def done(self, call: int, latents: torch.Tensor) -> None:
        """Report a completed step, and stop after the last one requested."""
        self.number += 1
        if self.on_step is not None:
            canonical = self.family.unpack(latents, self.shape)
            self.on_step(step_after(self.pipe.scheduler, call, self.number, canonical))
        if self.number == self.stop_after:
            raise _Stop


def _check_latents(pipe: Any, latents: torch.Tensor, n: int, settings: RunSettings) -> None:
    spec = latent_spec(pipe, height=settings.height, width=settings.width)
    dtype = latent_dtype(pipe)
    canonical = torch.empty((n, *spec.shape), dtype=dtype, device="meta")
    wanted = tuple(family_of(pipe).as_argument(canonical).shape)
    if tuple(latents.shape) != wanted or latents.dtype != dtype:
        raise UsageError(
            got=f"latents of shape {tuple(latents.shape)} and {latents.dtype}",
            expected=f"shape {wanted} and {dtype} for {n} prompts of {spec.family}",
            do="make them with initial_latents at the same height and width",
        )


def _check_size(pipe: Any, images: Sequence[Image.Image], settings: RunSettings) -> None:
    wanted = settings.width, settings.height
    for image in images:
        if image.size != wanted:
            raise ModelError(
                got=f"a picture of {image.width}x{image.height} pixels from {type(pipe).__name__}",
                expected=f"{settings.width}x{settings.height}, according to its row of the table",
                do="correct `reduction` of the Family that names it",
            )


def _check_no_picture_wanted(pipe: Any) -> None:
    config = getattr(denoiser_of(pipe), "config", None)
    if getattr(config, "encoder_hid_dim_type", None) == "ip_image_proj":
        raise UsageError(
            got=f"{type(pipe).__name__} with an IP-Adapter, which needs a picture with each prompt",
            expected="a pipeline that needs only the prompt",
            do="call pipe.unload_ip_adapter()",
        )
