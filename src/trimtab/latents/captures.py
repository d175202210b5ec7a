"""Capture latents during denoising, for groups of prompts paired by seed."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trimtab.concepts import Attribute, Concept, as_attribute
from trimtab.errors import ModelError, UsageError
from trimtab.latents.gaussian import noise_and_generators
from trimtab.latents.samples import LatentSamples
from trimtab.latents.seeds import batches, blocks, check_seeds, turn
from trimtab.latents.shards import Shard, ShardFolder
from trimtab.latents.spec import FORMAT, prompts_of, settings_of
from trimtab.pipelines import (
    LatentSpec,
    RunSettings,
    Step,
    latent_spec,
    latents_argument,
    library_versions,
    model_facts,
    run,
    threads,
    warn_of_cuts,
)
from trimtab.storage import Progress, Store, as_store
from trimtab.storage.specs import reserves_of, spec_of


def capture(
    pipe: Any,
    attribute: Attribute | str,
    seeds: Iterable[int],
    steps: Iterable[int] | int,
    *,
    on: str | Concept | Sequence[str | Concept] | None = None,
    to: Store | str | Path | None = None,
    batch_size: int = 10,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    dtype: str = "float16",
    progress: Progress | None = None,
) -> LatentSamples:
    """Run each group's prompts from the same noise and keep the latents after some steps.

    Denoising stops at the last requested step, and nothing is decoded.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table.
    attribute : Attribute or str
        The attribute with its groups and prompts, or its name in the catalogue.
    seeds : iterable of int
        One image per seed and group; all groups start from the same noise.
    steps : iterable of int, or int
        Numbers of completed steps, from 1. Step 0 would be the noise itself, equal in all groups.
    on : str, Concept, or sequence of them, optional
        Concepts to learn the contrast on; several alternate from seed to seed.
    to : Store, str or Path, optional
        A store, or where to create one, in which to keep each batch. Seeds are then captured in
        complete blocks (seed // `batch_size`), and existing blocks are not captured again.
    batch_size : int
        Number of images in one call of the pipeline.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; by default, the model's own defaults.
    dtype : {"float16", "float32"}
        The type of the captured latents, in memory and on disk.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each batch; counts are in images.

    Returns
    -------
    LatentSamples
        One array per step and group.

    Raises
    ------
    UsageError
        If seeds, steps or a setting are out of range.
    FileError
        If the store is not a store, is damaged, or cannot be written.
    ModelError
        If the pipeline's family is unknown, or it produces latents that are not finite.

    Warns
    -----
    CutPromptWarning
        If a prompt is longer than a text encoder reads.
    """
    attribute = as_attribute(attribute)
    run_settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    run_settings = run_settings.resolve(pipe)
    spec = latent_spec(pipe, height=height, width=width)
    seeds = check_seeds(seeds)
    batches(seeds, batch_size)
    concepts = [on] if isinstance(on, str | Concept) else None if on is None else list(on)
    facts = model_facts(pipe)
    details: dict[str, Any] = {
        "attribute": attribute.name,
        "on": concepts and [c if isinstance(c, str) else c.name for c in concepts],
        "shape": list(spec.shape),
        "dtype": _stored_dtype(dtype),
        "steps": _check_steps(steps, run_settings),
        # A list, since arrays follow the order of groups, and entries of an object have no order.
        "groups": [
            {"name": name, "prompts": list(texts)}
            for name, texts in attribute.prompts(on=concepts).items()
        ],
    }
    warn_of_cuts(pipe, [text for one in details["groups"] for text in one["prompts"]])
    document = spec_of(FORMAT, facts, run_settings.to_dict(), batch_size, capture=details)
    job = _Job(pipe, spec, run_settings, document)
    if to is None:
        return _in_memory(job, seeds, progress)
    return _in_store(job, seeds, as_store(to), reserves_of(facts), progress)


@dataclass(frozen=True)
class _Job:
    """A checked request, which can capture the latents of some seeds."""

    pipe: Any
    latents: LatentSpec
    settings: RunSettings
    document: dict[str, Any]

    @property
    def size(self) -> int:
        return int(self.document["batch_size"])

    @property
    def groups(self) -> dict[str, list[str]]:
        return prompts_of(self.document)

    def make(self, seeds: Sequence[int]) -> tuple[Shard, str]:
        """Run the prompts of every group from the same noise; also return the device."""
        kept: list[dict[int, npt.NDArray[Any]]] = []
        for texts in self.groups.values():
            prompts = [texts[turn(seed, len(texts))] for seed in seeds]
            found, device = self._run(prompts, seeds)
            dtype = self.document["capture"]["dtype"]
            kept.append({step.number: _array(step, dtype) for step in found})
        levels = {step.number: (step.timestep, step.sigma) for step in found}
        arrays = {number: np.stack([one[number] for one in kept]) for number in levels}
        return Shard(levels, arrays), device

    def _run(self, prompts: list[str], seeds: Sequence[int]) -> tuple[list[Step], str]:
        steps, found = self.document["capture"]["steps"], list[Step]()
        noises, generators = noise_and_generators(self.latents, seeds)
        latents = latents_argument(self.pipe, noises)
        run(
            self.pipe,
            prompts,
            latents,
            settings=self.settings,
            generators=generators,
            stop_after=max(steps),
            on_step=lambda step: found.append(step) if step.number in steps else None,
        )
        return found, latents.device.type

    def counted(self, seeds: int) -> int:
        return seeds * len(self.groups)

    @property
    def title(self) -> str:
        return f"capture {self.document['capture']['attribute']}"


def _in_memory(job: _Job, seeds: tuple[int, ...], progress: Progress | None) -> LatentSamples:
    shards = []
    for cut in batches(seeds, job.size):
        shards.append(job.make(seeds[cut])[0])
        if progress is not None:
            progress(job.counted(cut.stop), job.counted(len(seeds)), job.title)
    found = Shard.join(shards)
    return LatentSamples(settings_of(job.document, seeds), found.levels, found.arrays)


def _in_store(
    job: _Job,
    seeds: tuple[int, ...],
    store: Store,
    reserves: Mapping[str, Any],
    progress: Progress | None,
) -> LatentSamples:
    """Capture missing blocks, each completely, and read the requested seeds."""
    with threads(store.choose_threads(torch.get_num_threads())) as number:
        name = store.add_spec(job.document)
        folder = ShardFolder(store, name, job.document)
        files, left = folder.files(), Counter(seed // job.size for seed in seeds)
        done = sum(left[block] for block in files)
        for block, whole in blocks(seeds, job.size).items():
            if block in files:
                continue
            shard, device = job.make(whole)
            environment = {"device": device, "threads": number, "versions": library_versions()}
            folder.add(block, shard, environment | dict(reserves))
            done += left[block]
            if progress is not None:
                progress(job.counted(done), job.counted(len(seeds)), job.title)
        folder.finish()
    return LatentSamples.from_store(store, name, seeds)


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
            do="choose steps in this range; before the first step, all groups are the same noise",
        )
    return given


def _stored_dtype(dtype: str) -> str:
    if dtype not in ("float16", "float32"):
        raise UsageError(got=f"dtype {dtype!r}", expected="float16 or float32", do="choose one")
    return dtype
