"""Generating pictures from seeds, a prompt and a steering."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from trimtab.errors import UsageError
from trimtab.generation.folder import RunFolder
from trimtab.generation.images import ImageRecord, ImageSet
from trimtab.generation.initial import latents_and_generators, warn_if_elsewhere
from trimtab.interventions import Direction, as_steering
from trimtab.interventions.steering import Steerable
from trimtab.latents import batches, check_seeds, warn_on_overlap
from trimtab.pipelines import RunSettings, latent_spec, model_facts, model_path, run
from trimtab.storage import Progress


def generate(
    pipe: Any,
    prompt: str,
    seeds: Iterable[int],
    steer: Steerable = None,
    *,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 8,
    to: str | Path | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Generate one picture per seed, from noise that a steering has moved.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table; it is left as it was.
    prompt : str
        The prompt of every picture.
    seeds : iterable of int
        Distinct; the same seed with and without steering makes a pair.
    steer : Steering or Direction, optional
        What to move the noise by, in its standard deviations; strengths per image are allowed.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; the model's own defaults where not given.
    batch_size : int
        Images in one call of the pipeline.
    to : str or Path, optional
        A folder to write each picture to as it is made; a rerun with the same settings keeps
        what is there and goes on.
    progress : callable, optional
        ``progress(done, total, what)`` in pictures, after each batch.

    Returns
    -------
    ImageSet
        In the order of the seeds; lazily from disk with `to`.

    Raises
    ------
    UsageError
        When the prompt is empty, or seeds, strengths or settings are out of range.
    FileError
        When the folder holds other settings, is damaged, or cannot be written.
    ModelError
        When the pipeline's family is not in the table.

    Warns
    -----
    SeedOverlapWarning
        When a direction was learned from some of the seeds.
    OtherModelWarning
        When a direction was learned on other weights; the record says so.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise UsageError(got=f"prompt {prompt!r}", expected="a text", do="say what to show")
    asked = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    settings = asked.resolve(pipe)
    spec = latent_spec(pipe, height=height, width=width)
    seeds, steering = check_seeds(seeds), as_steering(steer)
    steering.check(spec, len(seeds))
    cuts = list(batches(seeds, batch_size))
    warn_on_overlap(seeds, steering.seeds)
    facts = model_facts(pipe)
    elsewhere = warn_if_elsewhere(steering, facts)
    facts |= {
        "prompt": prompt,
        "steering": steering.to_dict(),
        **settings.to_dict(),
        "batch_size": batch_size,
        "seeds": list(seeds),
    }
    if elsewhere:
        facts["learned_elsewhere"] = elsewhere
    where = model_path(pipe)
    used = [direction for direction, _ in steering.terms]
    place = _InMemory(facts, where, used) if to is None else RunFolder(Path(to), facts, where, used)
    size = {"height": settings.height, "width": settings.width}
    for cut in cuts:
        if all(seed in place.records for seed in seeds[cut]):
            continue
        latents, generators = latents_and_generators(pipe, seeds[cut], steering.part(cut), **size)
        prompts = [prompt] * len(latents)
        pictures = run(pipe, prompts, latents, settings=settings, generators=generators)
        assert pictures is not None  # only an early stop gives none
        for i, image, blocked in zip(range(cut.start, cut.stop), *pictures, strict=True):
            record = ImageRecord(seeds[i], prompt, steering.image(i).to_dict(), blocked)
            place.add(record, image)
        if progress is not None:
            progress(len(place.records), len(seeds), "generate")
    return place.image_set()


class _InMemory:
    """The same door as `RunFolder`, without a disk behind it."""

    def __init__(
        self, settings: dict[str, Any], model_path: str | None, directions: list[Direction]
    ) -> None:
        self.settings, self.model_path, self.directions = settings, model_path, directions
        self.records: dict[int, ImageRecord] = {}
        self.images: list[Image.Image] = []

    def add(self, record: ImageRecord, image: Image.Image) -> None:
        self.records[record.seed] = record
        self.images.append(image)

    def image_set(self) -> ImageSet:
        records = list(self.records.values())
        place, directions = self.model_path, self.directions
        return ImageSet(
            records, self.images, self.settings, model_path=place, directions=directions
        )
