"""Encode prompts to conditionings with a pipeline's own encoders."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from trimtab.errors import UsageError
from trimtab.pipelines.conditioning import NEGATIVE, Conditioning, Part, role_of
from trimtab.pipelines.families import Family, family_of, parameters
from trimtab.pipelines.placement import device_of
from trimtab.pipelines.session import encoding
from trimtab.pipelines.settings import RunSettings


@torch.no_grad()
def encode(pipe: Any, prompts: Sequence[str], settings: RunSettings) -> Conditioning:
    """Encode prompts, and the negative prompt in the settings, as the pipeline itself would.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    prompts : sequence of str
        One prompt per image.
    settings : RunSettings
        The settings of the run, with the negative prompt.

    Returns
    -------
    Conditioning
        With it, `run` returns the same pictures as with the prompts, bit for bit.

    Raises
    ------
    ModelError
        If the pipeline's family is not in the table.
    UsageError
        If there is no prompt, or a negative prompt would have no effect.
    """
    if not prompts:
        raise UsageError(got="no prompts", expected="one per image", do="give some")
    settings, family = settings.resolve(pipe), family_of(pipe)
    known, taken = inspect.signature(pipe.encode_prompt).parameters, parameters(pipe)
    negative = settings.negative_prompt
    masks = {
        tokens: mask
        for sign in ("", NEGATIVE)
        for tokens, mask in ((f"{sign}prompt_embeds", f"{sign}{one}") for one in _masks(family))
        if mask in taken
    }
    if "negative_prompt" in known:
        return Conditioning(_encode(pipe, prompts, negative), masks)
    found = _encode(pipe, prompts, None)
    negative = family.negative_by_default if negative is None else negative
    if negative is not None and "negative_prompt_embeds" in taken:
        other = _encode(pipe, [negative] * len(prompts), None)
        found |= {f"{NEGATIVE}{name}": value for name, value in other.items()}
    return Conditioning(found, masks)


def _masks(family: Family) -> list[str]:
    """Return the name of the prompt's mask, for families that have one."""
    return [n for n in family.embeds if role_of(n) == "mask" and not n.startswith(NEGATIVE)]


def _encode(pipe: Any, prompts: Sequence[str], negative: str | None) -> dict[str, Part]:
    known = inspect.signature(pipe.encode_prompt).parameters
    family = family_of(pipe)
    asked: dict[str, Any] = {
        "prompt": list(prompts),
        "prompt_2": None,
        "prompt_3": None,
        "device": device_of(pipe),
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": True,
        **family.options(1),
        **family.encoding,
    }
    if (longest := parameters(pipe).get("max_sequence_length")) is not None:
        asked["max_sequence_length"] = longest  # the default of encode_prompt may be another
    if negative is not None:
        asked["negative_prompt"] = [negative] * len(prompts)
    call = {name: value for name, value in asked.items() if name in known}
    with encoding(pipe):
        found = zip(family.embeds, pipe.encode_prompt(**call), strict=True)
    taken = parameters(pipe)  # LCM, in the family of Stable Diffusion, takes no negative ones
    return {k: v for k, v in found if k in taken and v is not None and len(v)}
