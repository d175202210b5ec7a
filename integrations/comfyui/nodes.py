"""The nodes: load a direction, give strengths, and steer a model's noise or a NOISE."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from trimtab.errors import TrimtabError, UsageError
from trimtab.interventions import Direction, Intervention, Steering, as_steering

from . import files
from .description import described
from .naming import (
    BATCH,
    CATEGORY,
    LIMIT,
    LOAD,
    MODEL,
    NOISE,
    STEERING,
    STRENGTHS,
    SWEEP,
    named,
)
from .steering import check_model, steered

OUTER_SAMPLE = "outer_sample"
"""``comfy.patcher_extension.WrappersMP.OUTER_SAMPLE``: around a sampler's run, with the noise."""
LOG = logging.getLogger("trimtab")
NO_NOISE = "there is no noise in this stage, so nothing is steered"


def _strength(default: float, tooltip: str) -> tuple[str, dict[str, Any]]:
    options = {"default": default, "min": -LIMIT, "max": LIMIT, "step": 0.01, "round": 0.001}
    return "FLOAT", {**options, "tooltip": tooltip}


RESAMPLE = (
    "BOOLEAN",
    {
        "default": False,
        "tooltip": "Resample a direction that was learned at another picture size. Its effect at "
        "this size has not been measured.",
    },
)


class LoadDirection:
    """A file and a strength make a steering; a further one is added to it."""

    CATEGORY, FUNCTION, OUTPUT_NODE = CATEGORY, "load", True
    RETURN_TYPES, RETURN_NAMES = (STEERING, "STRING"), ("steering", "what it is")
    OUTPUT_TOOLTIPS = (
        "Connect it to Steer model or Steer noise, or to another Load direction to add both.",
        "Name, model, family, size, step, accuracy and measured effect, as text.",
    )
    DESCRIPTION = (
        "Load a direction or a mitigation that trimtab learned. Its effect is shown on the node "
        "after it has run."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        return {
            "required": {
                "file": (
                    files.listed(),
                    {
                        "tooltip": "A .safetensors file of trimtab in ComfyUI's models/trimtab. "
                        "Press R to read the folder again."
                    },
                ),
                "strength": _strength(
                    3.0,
                    "For a direction, in standard deviations of the noise: 1 to 10 is usual, 0 "
                    "changes nothing, a negative strength steers the opposite way. A mitigation's "
                    "own strengths are multiplied by it: 1 for as it is.",
                ),
            },
            "optional": {
                "hub_id_or_path": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "The id of a repository on the Hugging Face Hub, such as "
                        "name/direction, or the path of a file elsewhere; used instead of the "
                        "file above unless empty.",
                    },
                ),
                "noise_only": (
                    "BOOLEAN",
                    {
                        "default": False,
                        "tooltip": "Apply a mitigation that also changes the prompt without that "
                        "change. Its measured effect does not hold then.",
                    },
                ),
                "steering": (
                    STEERING,
                    {"tooltip": "Another steering, to which this one is added."},
                ),
                "strengths": (
                    STRENGTHS,
                    {
                        "tooltip": "One strength for each picture of a batch, used instead of the "
                        "strength above."
                    },
                ),
            },
            "hidden": {"unique_id": "UNIQUE_ID"},
        }

    @classmethod
    def VALIDATE_INPUTS(
        cls, file: str | None = None, hub_id_or_path: str | None = ""
    ) -> bool | str:
        """Refuse a missing or damaged file before any model is loaded; a Hub id is not asked."""
        if file is None or hub_id_or_path is None:  # linked: known only when the graph runs
            return True
        try:
            files.checked(file, hub_id_or_path)
        except TrimtabError as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, file: str | None = None, hub_id_or_path: str | None = "", **_: Any) -> str:
        """Return what changes with a local file's content, so that a replaced file is read again.

        A linked input is None here; ComfyUI itself notices when what it is linked to changes.
        """
        if file is None or hub_id_or_path is None:
            return ""
        return files.content_hash(file, hub_id_or_path)

    def load(
        self,
        file: str,
        strength: float,
        hub_id_or_path: str = "",
        noise_only: bool = False,
        steering: Steering | None = None,
        strengths: Sequence[float] | None = None,
        unique_id: str | None = None,
    ) -> dict[str, Any]:
        """Read the file, or the Hub repository; hashes, shapes and norms are checked.

        What a mitigation does to the prompt is out of reach here: one that does is refused, unless
        `noise_only` says to leave it out.
        """
        with named(LOAD):
            found = files.read(file or "", hub_id_or_path or "")
            weight = strength if strengths is None else list(strengths)
            if isinstance(found, Direction):
                own = weight * found
            else:
                _refuse_adjustment(found, noise_only)
                own = as_steering(found, noise_only=True) * weight
            total = own + steering
        told = f"{described(found)}\nsteering: {total}"
        _show(told, unique_id)
        return {"ui": {"text": [told]}, "result": (total, told)}


class SteeredNoise:
    """Noise that is moved along a steering; what ComfyUI calls NOISE."""

    def __init__(self, noise: Any, steering: Steering, resample: bool = False) -> None:
        self.noise, self.steering, self.resample = noise, steering, resample
        self.seed = noise.seed

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        """Draw the noise as it would have been drawn, and add the steering to each picture's."""
        noise: torch.Tensor = self.noise.generate_noise(input_latent)
        with named(NOISE):
            if self.steering and not noise.any():
                raise UsageError(
                    got="no noise at all, as from DisableNoise",
                    expected="the noise that the first sampler starts from",
                    do="put Steer noise behind RandomNoise, before the first sampler",
                )
            return steered(noise, self.steering, resample=self.resample)


class SteerNoise:
    """The node between RandomNoise and SamplerCustomAdvanced."""

    CATEGORY, FUNCTION, RETURN_TYPES = CATEGORY, "steer", ("NOISE",)
    OUTPUT_TOOLTIPS = ("The noise, for SamplerCustomAdvanced.",)
    DESCRIPTION = (
        "Noise + strength × direction; put it between RandomNoise and SamplerCustomAdvanced. "
        "Steer model does the same for every sampler, and checks the model's family."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        return {
            "required": {
                "noise": ("NOISE", {"tooltip": "The noise of RandomNoise."}),
                "steering": (STEERING, {"tooltip": "From Load direction."}),
            },
            "optional": {"resample": RESAMPLE},
        }

    def steer(self, noise: Any, steering: Steering, resample: bool = False) -> tuple[SteeredNoise]:
        """Wrap the noise; it is drawn when the sampler asks for it."""
        return (SteeredNoise(noise, steering, resample),)


class SteerModel:
    """The node between a model and any sampler, KSampler included."""

    CATEGORY, FUNCTION, RETURN_TYPES = CATEGORY, "steer", ("MODEL",)
    OUTPUT_TOOLTIPS = ("The same model; samplers that use it start from steered noise.",)
    DESCRIPTION = (
        "Samplers that use this model start from noise + strength × direction. Put it after the "
        "loader and LoRAs, before KSampler or a guider. A direction of another family is refused."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model; its weights stay as they are."}),
                "steering": (STEERING, {"tooltip": "From Load direction."}),
            },
            "optional": {"resample": RESAMPLE},
        }

    def steer(self, model: Any, steering: Steering, resample: bool = False) -> tuple[Any]:
        """Return a clone of the model that shifts the noise of each sampler's run."""
        with named(MODEL):
            check_model(steering, model)
        clone = model.clone()
        if not hasattr(clone, "add_wrapper_with_key"):
            with named(MODEL):
                raise UsageError(
                    got="a ComfyUI without wrappers around samplers",
                    expected="0.3.11 or later",
                    do=f"update ComfyUI, or use {NOISE} with SamplerCustomAdvanced",
                )
        clone.add_wrapper_with_key(OUTER_SAMPLE, CATEGORY, _around_sampling(steering, resample))
        return (clone,)


class BatchStrengths:
    """A strength for each picture of a batch, from text."""

    CATEGORY, FUNCTION = CATEGORY, "strengths"
    RETURN_TYPES, RETURN_NAMES = (STRENGTHS, "INT"), ("strengths", "count")
    OUTPUT_TOOLTIPS = (
        "For Load direction.",
        "How many there are, for batch_size of the empty latent.",
    )
    DESCRIPTION = "A strength for each picture of a batch. Each picture has noise of its own."

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        tooltip = f"Numbers from {-LIMIT:g} to {LIMIT:g}, separated by commas."
        return {"required": {"text": ("STRING", {"default": "0, 1.5, 3", "tooltip": tooltip})}}

    @classmethod
    def VALIDATE_INPUTS(cls, text: str | None = None) -> bool | str:
        """Refuse what are not numbers before any model is loaded."""
        try:
            return text is None or bool(_numbers(text))
        except UsageError as error:
            return str(error)

    def strengths(self, text: str) -> tuple[tuple[float, ...], int]:
        """Return the numbers, and their count."""
        with named(BATCH):
            numbers = _numbers(text)
        return numbers, len(numbers)


class SweepStrengths:
    """Evenly spaced strengths, for the pictures of a batch or for one run each."""

    CATEGORY, FUNCTION = CATEGORY, "sweep"
    RETURN_TYPES = (STRENGTHS, "INT", "FLOAT")
    RETURN_NAMES = ("strengths", "count", "one by one")
    OUTPUT_IS_LIST = (False, False, True)
    OUTPUT_TOOLTIPS = (
        "For Load direction: one for each picture of a batch, each with noise of its own.",
        "How many there are, for batch_size of the empty latent.",
        "For strength of Load direction: one run of the sampler for each, all on the same noise.",
    )
    DESCRIPTION = (
        "Evenly spaced strengths. Connect “one by one” to strength of Load direction to see what "
        "one noise becomes at each."
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Say what the node takes, in the form that ComfyUI asks for."""
        count = {"default": 5, "min": 2, "max": 64, "tooltip": "How many, both ends included."}
        return {
            "required": {
                "first": _strength(0.0, "The first strength."),
                "last": _strength(6.0, "The last strength."),
                "count": ("INT", count),
            }
        }

    def sweep(
        self, first: float, last: float, count: int
    ) -> tuple[tuple[float, ...], int, list[float]]:
        """Return the strengths, their count, and the strengths as a list."""
        apart = (last - first) / (count - 1)
        # Rounded, so that a label says 0.3 and not 0.30000000000000004.
        values = tuple(round(first + i * apart, 6) for i in range(count))
        return values, count, list(values)


def _around_sampling(steering: Steering, resample: bool) -> Callable[..., Any]:
    """Return the function that ComfyUI calls around the run of a sampler."""

    def sample(executor: Any, noise: torch.Tensor, *args: Any, **options: Any) -> Any:
        if steering and not noise.any():
            # A second KSamplerAdvanced, whose latent holds the noise that the first one steered.
            LOG.info("%s: %s", MODEL, NO_NOISE)
            return executor(noise, *args, **options)
        with named(MODEL):
            noise = steered(noise, steering, resample=resample)
        return executor(noise, *args, **options)

    return sample


def _refuse_adjustment(found: Intervention, noise_only: bool) -> None:
    if not (noise_only or found.noise_only):
        raise UsageError(
            got=f"mitigation {found.name}, which also changes the prompt: {found.adjustment}",
            expected="one that shifts only the noise, since nothing else can be changed here",
            do="switch on noise_only to leave that out, or change the prompt yourself",
        )


def _numbers(text: str) -> tuple[float, ...]:
    parts = text.replace(";", ",").replace("\n", ",").split(",")
    try:
        numbers = tuple(float(part) for part in parts if part.strip())
    except ValueError:
        numbers = ()
    if not numbers or not all(math.isfinite(n) and abs(n) <= LIMIT for n in numbers):
        raise UsageError(
            got=f"strengths {text.strip()!r}",
            expected=f"numbers from {-LIMIT:g} to {LIMIT:g}, separated by commas",
            do="write for example 0, 1.5, 3",
        )
    return numbers


def _show(text: str, node: str | None) -> None:
    """Show text on the node, where this ComfyUI can; the output carries it in any case."""
    if node is None:
        return
    with contextlib.suppress(ImportError, AttributeError):
        from server import PromptServer  # ComfyUI's

        PromptServer.instance.send_progress_text(text, node)


NODE_CLASS_MAPPINGS = {
    "TrimtabLoadDirection": LoadDirection,
    "TrimtabSteerModel": SteerModel,
    "TrimtabSteerNoise": SteerNoise,
    "TrimtabBatchStrengths": BatchStrengths,
    "TrimtabSweepStrengths": SweepStrengths,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "TrimtabLoadDirection": LOAD,
    "TrimtabSteerModel": MODEL,
    "TrimtabSteerNoise": NOISE,
    "TrimtabBatchStrengths": BATCH,
    "TrimtabSweepStrengths": SWEEP,
}
