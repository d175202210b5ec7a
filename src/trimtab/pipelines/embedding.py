"""Prompts to the embeddings that a pipeline would make of them, as arguments of its call."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from trimtab.pipelines.families import family_of, parameters
from trimtab.pipelines.settings import RunSettings


@torch.no_grad()
def embed(pipe: Any, prompts: Sequence[str], settings: RunSettings) -> dict[str, Any]:
    """Encode prompts, and the negative prompt of the settings, by the pipeline's own encoders.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    prompts : sequence of str
        One prompt per image.
    settings : RunSettings
        Gives the negative prompt.

    Returns
    -------
    dict
        Arguments of the pipeline's call that stand for prompts and negative prompt: with them `run`
        gives the pictures that it gives with the prompts. Tensors with one row per image, or, for
        Z-Image, lists of tensors of different lengths.

    Raises
    ------
    ModelError
        When the pipeline's family is not in the table.
    UsageError
        When a negative prompt would do nothing.
    """
    settings = settings.resolve(pipe)
    known = inspect.signature(pipe.encode_prompt).parameters
    negative = settings.negative_prompt
    apart = "negative_prompt" not in known
    found = _encode(pipe, prompts, None if apart else negative)
    taken = parameters(pipe)
    # FLUX.2 Klein's negative prompt is always empty; Qwen-Image turns guidance on with one.
    if apart and "negative_prompt_embeds" in taken:
        if "negative_prompt" not in taken:
            negative = ""
        if negative is not None:
            other = _encode(pipe, [negative] * len(prompts), None)
            found |= {f"negative_{name}": value for name, value in other.items()}
    return found


def _encode(pipe: Any, prompts: Sequence[str], negative: str | None) -> dict[str, Any]:
    known = inspect.signature(pipe.encode_prompt).parameters
    family = family_of(pipe)
    asked: dict[str, Any] = {
        "prompt": list(prompts),
        "prompt_2": None,
        "prompt_3": None,
        "device": pipe._execution_device,
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": True,
        "_cut_context": True,  # as Kandinsky 3 calls its own
        **family.options(1),
    }
    if negative is not None:
        asked["negative_prompt"] = [negative] * len(prompts)
    call = {name: value for name, value in asked.items() if name in known}
    found = zip(family.embeds, pipe.encode_prompt(**call), strict=True)
    taken = parameters(pipe)  # LCM, of one family with Stable Diffusion, takes no negative ones
    return {name: value for name, value in found if name in taken and value is not None}
