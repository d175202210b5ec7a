"""A checked request to `generate`, and its execution in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from trimtab.generation.batch import make_batch
from trimtab.generation.images import ImageSet
from trimtab.generation.records import ImageRecord
from trimtab.generation.spec import FORMAT
from trimtab.interventions import Intervention
from trimtab.latents import batches
from trimtab.pipelines import RunSettings, library_versions, model_path
from trimtab.storage import Progress, document_hash, picture_hash
from trimtab.storage.specs import spec_of


@dataclass(frozen=True)
class Job:
    """A checked request to `generate`.

    Attributes
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline.
    prompts, seeds : tuple
        Every prompt is combined with every seed.
    intervention : Intervention
        The intervention; strengths may differ from seed to seed.
    settings : RunSettings
        The settings of the run, resolved.
    batch_size : int
        Number of seeds in a block.
    facts : mapping
        The result of `model_facts`.
    reserves : mapping
        Additional facts about the model for the environment of each picture.
    """

    pipe: Any
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    intervention: Intervention
    settings: RunSettings
    batch_size: int
    facts: Mapping[str, Any]
    reserves: Mapping[str, Any]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.prompts) * len(self.seeds)

    @cached_property
    def each(self) -> dict[int, Intervention]:
        """The intervention for each seed; the same object if it is the same for all."""
        images = (self.intervention.image(i) for i in range(len(self.seeds)))
        known: dict[Any, Intervention] = {}
        strengths = ((one, tuple(s for _, s in one.steering.terms)) for one in images)
        pairs = zip(self.seeds, strengths, strict=True)
        return {seed: known.setdefault(key, one) for seed, (one, key) in pairs}

    @cached_property
    def specs(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """The hash and the document of the spec for each seed."""
        shared = FORMAT, self.facts, self.settings.to_dict(), self.batch_size
        known = {
            id(one): spec_of(*shared, intervention=one.acting().to_dict())
            for one in self.each.values()
        }
        hashed = {key: (document_hash(spec), spec) for key, spec in known.items()}
        return {seed: hashed[id(one)] for seed, one in self.each.items()}

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        """The specs by their hashes."""
        return dict(self.specs.values())

    def environment(self, of_picture: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may affect the last bits, and what is known about model and picture."""
        versions, number = library_versions(), torch.get_num_threads()
        return {**of_picture, "threads": number, "versions": versions, **self.reserves}


def make_in_memory(job: Job, progress: Progress | None) -> ImageSet:
    """Make exactly the requested pictures, in consecutive batches."""
    records, images = [], []
    for prompt in job.prompts:
        for cut in batches(job.seeds, job.batch_size):
            seeds = job.seeds[cut]
            each = [job.each[seed] for seed in seeds]
            batch = make_batch(job.pipe, job.settings, prompt, seeds, each)
            for seed, image, blocked, of_picture in zip(seeds, *batch, strict=True):
                environment = job.environment(of_picture)
                spec, document = job.specs[seed]
                done, shown = document["intervention"], picture_hash(image)
                records.append(ImageRecord(seed, prompt, spec, done, blocked, shown, environment))
                images.append(image)
            if progress is not None:
                progress(len(images), len(job), "generate")
    where = model_path(job.pipe)
    directions = [direction for direction, _ in job.intervention.steering.terms]
    return ImageSet(records, images, job.documents, model_path=where, directions=directions)
