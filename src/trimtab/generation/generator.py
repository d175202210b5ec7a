"""Generate pictures from seeds, prompts and an intervention, in memory or into a store."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trimtab.errors import UsageError
from trimtab.generation.batch import NOT_FINITE
from trimtab.generation.images import ImageSet
from trimtab.generation.initial import warn_if_elsewhere, warn_if_otherwise
from trimtab.generation.job import Job, make_in_memory
from trimtab.generation.store_job import make_in_store
from trimtab.interventions import Adjustment, Intervention, Steerable, as_intervention
from trimtab.latents import batches, check_seeds, warn_on_overlap
from trimtab.pipelines import (
    NotFiniteWarning,
    RunSettings,
    latent_spec,
    model_facts,
    not_finite,
    remark_on_not_finite,
    warn_of_cuts,
)
from trimtab.storage import Progress, Store, as_store
from trimtab.storage.specs import reserves_of


def generate(
    pipe: Any,
    prompt: str | Sequence[str],
    seeds: Iterable[int],
    steer: Steerable = None,
    adjust: Adjustment | None = None,
    *,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 10,
    to: Store | str | Path | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Generate one picture per prompt and seed, with an optional intervention.

    In a store, the bytes of a picture depend only on its spec, prompt and seed: seeds are generated
    in complete blocks (seed // `batch_size`), and pictures of the last block that were not
    requested are kept for later. Existing pictures are not generated again.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        A pipeline whose family is in the table; it is not changed.
    prompt : str or sequence of str
        One or more prompts; each is combined with every seed, prompt by prompt.
    seeds : iterable of int
        Distinct seeds. Pictures with the same seed, with and without steering, form a pair.
    steer : Intervention, Steering or Direction, optional
        The shift of the noise, in its standard deviations; strengths per seed are allowed.
    adjust : Adjustment, optional
        The change to the prompts or their embeddings.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; by default, the model's own defaults.
    batch_size : int
        Number of images in one call of the pipeline.
    to : Store, str or Path, optional
        A store, or where to create one, to which each picture is written when it is made.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each batch; counts are in pictures.

    Returns
    -------
    ImageSet
        Pictures, prompt by prompt, in the order of the seeds; read lazily from the store with `to`.

    Raises
    ------
    UsageError
        If a prompt is empty, or seeds, strengths or settings are out of range.
    FileError
        If the store is not a store, is damaged, or cannot be written.
    ModelError
        If the pipeline's family is not in the table, or no picture has finite values.

    Warns
    -----
    CutPromptWarning
        If a prompt is longer than a text encoder reads.
    NotFiniteWarning
        If some pictures have values that are not finite; these are blocked.
    SeedOverlapWarning
        If a direction was learned from some of the seeds.
    OtherModelWarning
        If a direction was learned on other weights; the records note this.
    OtherSettingsWarning
        If a direction or mitigation was measured with another scheduler, number of steps or
        guidance scale; the records note this.
    """
    prompts = _check_prompts(prompt)
    asked = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    settings = asked.resolve(pipe)
    order, given = check_seeds(seeds), as_intervention(steer, adjust)
    given.check(latent_spec(pipe, height=height, width=width), len(order))
    batches(order, batch_size)  # which checks the size
    intervention = given.acting()
    store = None if to is None else as_store(to)
    warn_of_cuts(pipe, _encoded(prompts, order, intervention, settings))
    warn_on_overlap(order, intervention.seeds)
    facts = model_facts(pipe)
    elsewhere = warn_if_elsewhere(pipe, intervention, facts)
    otherwise = warn_if_otherwise(given, settings.to_dict() | {"scheduler": facts["scheduler"]})
    reserves = reserves_of(facts)
    if elsewhere:
        reserves["learned_elsewhere"] = elsewhere
    if otherwise:
        reserves["measured_elsewhere"] = otherwise
    job = Job(pipe, prompts, order, intervention, settings, batch_size, facts, reserves)
    found = make_in_memory(job, progress) if store is None else make_in_store(job, store, progress)
    _check_finite(found, pipe)
    return found


def _encoded(
    prompts: Sequence[str], seeds: Sequence[int], intervention: Intervention, settings: RunSettings
) -> set[str]:
    """Return all texts that will be encoded."""
    found = set(filter(None, [settings.negative_prompt]))
    for prompt in prompts:
        if intervention.adjustment is None:
            found.add(prompt)
        else:
            found |= set(intervention.adjustment.rewritten([prompt] * len(seeds), seeds))
    return found


def _check_finite(images: ImageSet, pipe: Any) -> None:
    """Warn about pictures that are not finite, or raise if all are."""
    if all(one.environment.get(NOT_FINITE) for one in images.records):
        raise not_finite(pipe)
    if remark := remark_on(images, pipe):
        warnings.warn(remark, NotFiniteWarning, stacklevel=3)


def remark_on(images: ImageSet, pipe: Any) -> str:
    """Return what must be said about a pipeline's pictures that are not finite, or "".

    Parameters
    ----------
    images : ImageSet
        The pictures.
    pipe : diffusers.DiffusionPipeline
        The pipeline that made them.
    """
    seeds = [one.seed for one in images.records if one.environment.get(NOT_FINITE)]
    return remark_on_not_finite(pipe, seeds, len(images)) if seeds else ""


def _check_prompts(prompt: str | Sequence[str]) -> tuple[str, ...]:
    given = (prompt,) if isinstance(prompt, str) else tuple(prompt or ())
    for one in given or (prompt,):
        if not isinstance(one, str) or not one.strip():
            raise UsageError(got=f"prompt {one!r}", expected="a text", do="describe a picture")
    if len(set(given)) < len(given):
        twice = next(one for one, n in Counter(given).items() if n > 1)
        raise UsageError(
            got=f"prompt {twice!r} more than once",
            expected="distinct prompts",
            do="name it once",
        )
    return given
