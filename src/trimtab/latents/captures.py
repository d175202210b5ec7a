"""Capturing latents in the middle of denoising, for groups of prompts paired by seed."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trimtab.concepts import Attribute, Concept
from trimtab.concepts import attribute as catalogued
from trimtab.errors import ModelError, UsageError
from trimtab.latents.noise import noise_and_generators
from trimtab.latents.samples import LatentSamples
from trimtab.latents.seeds import batches, check_seeds
from trimtab.latents.store import LatentStore
from trimtab.pipelines import (
    LatentSpec,
    RunSettings,
    Step,
    latent_spec,
    latents_argument,
    model_facts,
    run,
)
from trimtab.storage import Progress


def capture(
    pipe: Any,
    attribute: Attribute | str,
    seeds: Iterable[int],
    steps: Iterable[int] | int,
    *,
    on: str | Concept | Sequence[str | Concept] | None = None,
    to: str | Path | None = None,
    batch_size: int = 8,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    dtype: str = "float16",
    progress: Progress | None = None,
) -> LatentSamples:
    """Run each group's prompts from the same noises and keep the latents after some steps.

    Denoising stops at the last step asked for, and nothing is decoded.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    attribute : Attribute or str
        Gives the groups and their prompts; by name from the catalogue.
    seeds : iterable of int
        One image per seed and group; every group starts from the same noises.
    steps : iterable of int, or int
        Numbers of completed steps, from 1: step 0 is the noise itself, equal in all groups.
    on : str, Concept, or sequence of them, optional
        Concepts to learn the contrast on; with several, seed i takes concept i modulo their number.
    to : str or Path, optional
        A folder to keep the work in; a rerun with the same settings continues there.
    batch_size : int
        Images in one call of the pipeline.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; the model's own defaults where not given.
    dtype : {"float16", "float32"}
        How latents are kept, in memory as on disk.
    progress : callable, optional
        ``progress(done, total, what)`` in images, after each batch that is kept.

    Returns
    -------
    LatentSamples
        For every step one array per group.

    Raises
    ------
    UsageError
        When seeds, steps or a setting are out of range.
    FileError
        When the folder holds other settings, is damaged, or cannot be written.
    ModelError
        When the pipeline is of no known family or gives latents that are not finite.
    """
    attribute = catalogued(attribute) if isinstance(attribute, str) else attribute
    run_settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    run_settings = run_settings.resolve(pipe)
    spec = latent_spec(pipe, height=height, width=width)
    seeds = check_seeds(seeds)
    batches(seeds, batch_size)
    concepts = [on] if isinstance(on, str | Concept) else None if on is None else list(on)
    settings = model_facts(pipe) | {
        "attribute": attribute.name,
        "on": concepts and [c if isinstance(c, str) else c.name for c in concepts],
        "prompts": {name: list(texts) for name, texts in attribute.prompts(on=concepts).items()},
        **run_settings.to_dict(),
        "shape": list(spec.shape),
        "dtype": _stored_dtype(dtype),
        "steps": _check_steps(steps, run_settings),
        "batch_size": batch_size,
        "seeds": list(seeds),
    }
    store = LatentStore(settings, None if to is None else Path(to))
    todo = store.missing()
    groups = settings["prompts"]
    left = sum(cut.stop - cut.start for _, cut in todo)
    done, total = (len(seeds) - left) * len(groups), len(seeds) * len(groups)
    for number, cut in todo:
        kept: list[dict[int, npt.NDArray[Any]]] = []
        for texts in groups.values():
            prompts = [texts[i % len(texts)] for i in range(cut.start, cut.stop)]
            found = _run_to(pipe, spec, prompts, seeds[cut], settings["steps"], run_settings)
            kept.append({step.number: _array(step, dtype) for step in found})
        levels = {step.number: (step.timestep, step.sigma) for step in found}
        shard = {f"step_{k}": np.stack([arrays[k] for arrays in kept]) for k in levels}
        store.add(number, shard, levels)
        done += (cut.stop - cut.start) * len(groups)
        if progress is not None:
            progress(done, total, f"capture {attribute.name}")
    return store.samples()


def _run_to(
    pipe: Any,
    spec: LatentSpec,
    prompts: list[str],
    seeds: Sequence[int],
    steps: list[int],
    settings: RunSettings,
) -> list[Step]:
    found: list[Step] = []
    latents, generators = noise_and_generators(spec, seeds)
    run(
        pipe,
        prompts,
        latents_argument(pipe, latents),
        settings=settings,
        generators=generators,
        stop_after=max(steps),
        on_step=lambda step: found.append(step) if step.number in steps else None,
    )
    return found


def _array(step: Step, dtype: str) -> npt.NDArray[Any]:
    array = step.latents.to("cpu", torch.float32).numpy().astype(dtype)
    if not np.isfinite(array).all():
        raise ModelError(
            got=f"latents that are not finite after step {step.number}",
            expected=f"finite numbers within the range of {dtype}",
            do="load the model in float32, or keep the latents with dtype='float32'",
        )
    return array


def _check_steps(steps: Iterable[int] | int, settings: RunSettings) -> list[int]:
    last = settings.num_inference_steps
    try:
        every = steps if isinstance(steps, Iterable) else [steps]
        given = sorted(set(map(operator.index, every)))
    except TypeError:
        given = []
    if not given or given[0] < 1 or given[-1] > (last or 0):
        raise UsageError(
            got=f"steps {steps!r}",
            expected=f"whole numbers from 1 to {last}, the steps of the run",
            do="choose steps in that range; before the first step all groups are the same noise",
        )
    return given


def _stored_dtype(dtype: str) -> str:
    if dtype not in ("float16", "float32"):
        raise UsageError(got=f"dtype {dtype!r}", expected="float16 or float32", do="choose one")
    return dtype
