"""Learning a direction: capture latents, choose a step, fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trimtab.concepts import Attribute, as_attribute
from trimtab.errors import UsageError
from trimtab.interventions import (
    Direction,
    DirectionEstimator,
    MeanDifference,
    accuracy_by_step,
    choose_step,
)
from trimtab.latents import CAPTURE_SEEDS, capture
from trimtab.pipelines import RunSettings, model_facts
from trimtab.statistics import Accuracy
from trimtab.storage import Progress, Store, as_store, document_hash
from trimtab.storage.specs import model_of
from trimtab.workflows.learn_result import LearnResult
from trimtab.workflows.plan import capture_steps
from trimtab.workflows.records import Learned, Local
from trimtab.workflows.result import slug


@dataclass(frozen=True)
class Fitted:
    """A direction and how it was chosen."""

    direction: Direction
    estimator: DirectionEstimator
    step: int
    accuracies: tuple[Accuracy, ...]
    seeds: range
    on: tuple[str, ...]

    def learned(self, one: Attribute, **facts: Any) -> Learned:
        """Return the record for a result."""
        provenance = self.direction.provenance
        local = provenance.get("local")
        return Learned(
            attribute=one.name,
            title=one.title,
            towards=str(provenance["towards"]),
            name=self.direction.name,
            hash=self.direction.hash,
            file=direction_file(self.direction),
            estimator=type(self.estimator).__name__,
            on=self.on,
            step=self.step,
            accuracies=self.accuracies,
            seeds=(self.seeds.start, self.seeds.stop),
            kept=float(provenance.get("kept", 1.0)),
            local=None if local is None else Local(**local),
            **facts,
        )


def direction_file(direction: Direction) -> str:
    """Return the file of a direction in a store."""
    return f"directions/{direction.hash}.safetensors"


def disentangled(fitted: Sequence[Fitted], *, local: bool) -> list[Fitted]:
    """Return directions as they are applied: orthogonal to those after them, then local if asked.

    Leaving out cells undoes the orthogonality a little (cosines up to 0.07 on the embedded model).
    In the reverse order, a direction would get a part in the cells of the others again.
    """
    found = []
    for i, one in enumerate(fitted):
        direction = one.direction.orthogonal_to(*(other.direction for other in fitted[i + 1 :]))
        found.append(replace(one, direction=direction.local() if local else direction))
    return found


def cosines_of(fitted: Mapping[str, Fitted]) -> dict[str, dict[str, float]]:
    """Return the cosines of each attribute's direction with those of the others."""
    return {
        name: {
            other: mine.direction.cosine(found.direction)
            for other, found in fitted.items()
            if other != name
        }
        for name, mine in fitted.items()
    }


def fit_direction(
    pipe: Any,
    one: Attribute,
    estimator: DirectionEstimator,
    *,
    on: Sequence[str],
    seeds: range,
    store: Store | None,
    run: Mapping[str, Any],
    steps: Sequence[int] | None = None,
    decided: Callable[[Callable[[], Mapping[str, Any]]], Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Capture latents, choose a step by cross-validated accuracy, and fit a direction there.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The model.
    one : Attribute
        The attribute whose groups the direction separates.
    estimator : DirectionEstimator
        Estimator with ``towards`` set; its step is set here.
    on : sequence of str
        Concepts to learn the contrast on; if empty, the groups' own prompts.
    seeds : range
        Seeds of each group.
    store : Store, optional
        Where to store latents.
    run : mapping
        Settings for `capture`, with every default filled in, and the batch size.
    steps : sequence of int, optional
        Steps to choose from; default 10 to 30 % of the run.
    decided : callable, optional
        Records the choice of the step.
    progress : callable, optional
        ``progress(done, total, what)``.
    """
    steps = capture_steps(run["num_inference_steps"]) if steps is None else steps
    samples = capture(
        pipe, one, seeds, steps, on=list(on) or None, to=store, progress=progress, **run
    )
    accuracies = accuracy_by_step(samples, estimator)

    def choose() -> dict[str, Any]:
        return {"step": choose_step(accuracies)}

    step = int((decided(choose) if decided else choose())["step"])
    fitted = estimator.set_params(step=step).fit(samples)
    return Fitted(
        fitted.direction_,
        fitted,
        step,
        tuple(Accuracy(*row) for row in accuracies),
        seeds,
        tuple(on),
    )


def learn(
    pipe: Any,
    attribute: Attribute | str,
    *,
    towards: str | None = None,
    on: str | Sequence[str] = (),
    estimator: DirectionEstimator | None = None,
    n: int = 50,
    first_seed: int = CAPTURE_SEEDS.start,
    steps: Sequence[int] | None = None,
    to: Store | str | Path,
    licence: str | None = None,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 10,
    progress: Progress | None = None,
) -> LearnResult:
    """Learn a direction from the prompts of groups.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    attribute : Attribute or str
        Attribute with the groups and their prompts, or its name in the catalogue.
    towards : str, optional
        Group to point to; default the first of two groups.
    on : str or sequence of str
        Concepts to learn the contrast on; if empty, the groups' own prompts.
    estimator : DirectionEstimator, optional
        Default the paired mean difference.
    n : int
        Seeds per group.
    first_seed : int
        First of these seeds.
    steps : sequence of int, optional
        Numbers of completed steps to choose from; default 10 to 30 % of the run.
    to : Store, str or Path
        Where to store latents, direction and result.
    licence : str, optional
        Licence to record in the direction.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; default the model's own values.
    batch_size : int
        Images per call of the pipeline.
    progress : callable, optional
        ``progress(done, total, what)``.

    Returns
    -------
    LearnResult
        Result whose direction is a file in the store.

    Raises
    ------
    UsageError, FileError, ModelError
        As in `capture` and the estimators.
    """
    one = as_attribute(attribute)
    if towards is None and len(one.groups) > 2:
        raise UsageError(
            got=f"{len(one.groups)} groups and no towards",
            expected=f"one of {', '.join(one.names)}",
            do="name the group that the direction should point to",
        )
    group = one.group(towards).name if towards else one.names[0]
    store = as_store(to)
    settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    run = settings.resolve(pipe).to_dict() | {"batch_size": batch_size}
    concepts = [on] if isinstance(on, str) else list(on)
    found = fit_direction(
        pipe,
        one,
        (estimator or MeanDifference()).set_params(towards=group),
        on=concepts,
        seeds=range(first_seed, first_seed + n),
        store=store,
        run=run,
        steps=steps,
        progress=progress,
    )
    if licence is not None:
        found = replace(found, direction=found.direction.annotated(licence=licence))
    # Overwrite the file, because the same array may have a different licence.
    store.write_file(direction_file(found.direction), found.direction.to_bytes())
    facts = model_facts(pipe)
    learned = found.learned(one)
    identity = document_hash({"learned": learned.hash, "model": facts["weights"]})
    return LearnResult(
        name=f"{slug(one.name)}-{slug(group)}-{identity[:8]}",
        model=model_of(facts),
        settings=run,
        learned=learned,
        accuracy=found.estimator.cv_accuracy_,
        accuracy_interval=found.estimator.cv_accuracy_interval_,
    ).save(store)
