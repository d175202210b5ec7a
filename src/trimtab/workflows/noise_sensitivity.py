"""Analysing how sensitive pictures are to their noise, which steering needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.concepts import Attribute, paraphrases_of, prompts_from
from trimtab.concepts.prompts import FRAMES
from trimtab.errors import UsageError
from trimtab.generation import ImageSet, generate, remark_on
from trimtab.generation.initial import latents_and_generators
from trimtab.latents import AUDIT_SEEDS
from trimtab.pipelines import RunSettings, model_facts, model_note, model_path, run
from trimtab.recognition import embed, recogniser_for
from trimtab.recognition.protocol import Embedder, recogniser_name
from trimtab.statistics import Estimate, noise_share
from trimtab.storage import Progress, Store, as_store
from trimtab.storage.specs import model_of
from trimtab.workflows.audits import attributes_of, result_name, spec_of_all
from trimtab.workflows.readings import Reader
from trimtab.workflows.seed_readings import embedded, seed_effect_of
from trimtab.workflows.sensitivity_result import SensitivityResult


def sensitivity(
    pipe: Any,
    prompts: str | os.PathLike[str] | Sequence[str],
    attributes: Attribute | str | Sequence[Attribute | str] = "gender",
    *,
    paraphrases: int = len(FRAMES),
    to: Store | str | Path | None = None,
    n: int = 50,
    exchanged: int = 10,
    first_seed: int = AUDIT_SEEDS.start,
    recogniser: Any = None,
    device: str = "auto",
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 10,
    progress: Progress | None = None,
) -> SensitivityResult:
    """Generate pictures of paraphrases from the same seeds, and measure what follows the noise.

    Steering needs a model whose pictures follow their initial noise. Distilled models may hardly do
    so, and a pipeline may ignore the latents that it is given.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    prompts : str, path or sequence of str
        One prompt, of which paraphrases are made, or your own paraphrases as any input of
        `trimtab.concepts.prompts_from`.
    attributes : Attribute, str or sequence of them
        Attributes to recognise.
    paraphrases : int
        Number of paraphrases of one prompt, which counts as the first.
    to : Store, str or Path, optional
        Where to store pictures, observations and the result, and to reuse existing ones.
    n : int
        Seeds, at least 2.
    exchanged : int
        Number of additional pictures of the first prompt, each from the initial noise of one seed
        and the later draws of another, to tell the two apart; they are not stored. 0 for none.
    first_seed : int
        First seed; the others are consecutive.
    recogniser, device
        As in `trimtab.recognition.recogniser_for`; it must be able to embed pictures.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; default the model's own values.
    batch_size : int
        Images per call of the pipeline.
    progress : callable, optional
        ``progress(done, total, what)``.

    Returns
    -------
    SensitivityResult
        Variance components of the embeddings and of each attribute, and whether they are enough
        for steering.

    Raises
    ------
    UsageError
        If there are fewer than two prompts or seeds, or the recogniser cannot embed pictures; also
        as in `generate` and `classify`.
    FileError, ModelError
        As in `generate` and `classify`.
    """
    texts, asked = prompts_from(prompts), attributes_of(attributes)
    texts = paraphrases_of(texts[0], paraphrases) if len(texts) == 1 else texts
    exchanged = min(exchanged, n)
    if n < 2 or exchanged not in (0, *range(2, n + 1)):
        raise UsageError(
            got=f"{n} seeds, {exchanged} of them exchanged",
            expected="at least two seeds, and none or at least two exchanged",
            do="choose other numbers",
        )
    settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    settings = settings.resolve(pipe)
    options = settings.to_dict() | {"batch_size": batch_size}
    store = None if to is None else as_store(to)
    # Load it before generating, which takes long, since a recogniser is often missing.
    found = recogniser_for(ImageSet([], [], model_path=model_path(pipe)), recogniser, device=device)
    if not isinstance(found, Embedder):
        raise UsageError(
            got=f"{recogniser_name(found)}, which cannot embed pictures",
            expected="a recogniser with embed_images",
            do="use a CLIP or SigLIP model",
        )
    seeds = range(first_seed, first_seed + n)
    images = generate(pipe, texts, seeds, to=store, progress=progress, **options)
    effect = seed_effect_of(Reader(asked, found, store)(images, texts), found, store)
    if effect is None:
        raise UsageError(
            got=f"fewer than two of {n} seeds whose pictures are all visible",
            expected="at least two",
            do="generate more pictures",
        )
    effect = replace(effect, paraphrases=True)  # as a user's own list is taken to be
    if exchanged:
        first = images[:exchanged]
        noise = _of_noise(pipe, texts[0], first, settings, batch_size, found, store, progress)
        effect = replace(effect, noise=noise)
    identity = [*texts, spec_of_all(images), n, first_seed, exchanged]
    result = SensitivityResult(
        name=result_name("sensitivity", texts[0], asked, {}, found, identity),
        model=model_of(model_facts(pipe)),
        note="\n".join(filter(None, [model_note(pipe), remark_on(images, pipe)])),
        settings=options,
        prompts=texts,
        spec=spec_of_all(images),
        n=len(images),
        seeds=(first_seed, first_seed + n),
        effect=effect,
        enough=not effect.lack,
        recogniser=recogniser_name(found),
    )
    return result if store is None else result.save(store)


def _of_noise(
    pipe: Any,
    prompt: str,
    images: ImageSet,
    settings: RunSettings,
    batch_size: int,
    recogniser: Any,
    store: Store | None,
    progress: Progress | None,
) -> Estimate | None:
    """Return the share that follows the initial noise; None if it cannot be told."""
    seeds = list(images.seeds)
    size: dict[str, Any] = {"height": settings.height, "width": settings.width}
    made: list[Any] = []
    for start in range(0, len(seeds), batch_size):
        mine = seeds[start : start + batch_size]
        # The draws after the initial noise are those of the previous seed.
        others = [seeds[i - 1] for i in range(start, start + len(mine))]
        latents, _ = latents_and_generators(pipe, mine, **size)
        _, generators = latents_and_generators(pipe, others, **size)
        pictures = run(
            pipe, [prompt] * len(mine), latents, settings=settings, generators=generators
        )
        assert pictures is not None  # None only after an early stop
        made += pictures.images
        if progress is not None:
            progress(len(made), len(seeds), "exchange noise")
    plain = embedded(images, recogniser, store)
    replaced = np.asarray(embed(made, recogniser).vectors, dtype=float)
    if not (np.isfinite(plain).all() and np.isfinite(replaced).all()):
        return None
    found = noise_share(plain, replaced)
    return found if np.isfinite(found.value) else None
