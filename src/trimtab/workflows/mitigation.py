"""One study from start to end: audit, learn, choose the strengths, steer, audit again.

Every decision (the group to raise, the step, the strength) is made on capture and calibration
seeds by the product's own recogniser; audit seeds are looked at once, and an oracle only judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.concepts import Attribute
from trimtab.generation import ImageSet, generate
from trimtab.interventions import (
    Direction,
    MeanDifference,
    Steering,
    SVMDirection,
    accuracy_by_step,
    choose_step,
)
from trimtab.interventions.estimators import DirectionEstimator
from trimtab.interventions.steering import Steerable
from trimtab.latents import capture
from trimtab.pipelines import RunSettings, model_path
from trimtab.recognition import preservation, psnr, recogniser_for
from trimtab.recognition.protocol import Embedder, recogniser_name
from trimtab.statistics import bootstrap
from trimtab.storage import Progress
from trimtab.workflows.dose import MAX_LOSS, Dose, DoseResponse, JointResponse, measure_response
from trimtab.workflows.effect import measured_effect
from trimtab.workflows.folder import StudyFolder
from trimtab.workflows.plan import MOST_DOSES, Plan, capture_steps
from trimtab.workflows.reading import Judge, Reader, Reading, plain

SUM_ROUNDS = 2  # measurements of a sum, each followed by a correction of its strengths
DRAWN_IN = 0.8  # of the strengths of a sum that lost the concept
HALF = 0.5


@dataclass(frozen=True)
class Learned:
    """A direction for one attribute, and how it was chosen."""

    attribute: Attribute
    towards: str
    direction: Direction
    step: int
    accuracies: list[dict[str, float]]
    response: DoseResponse | None = None
    readings: tuple[tuple[float, Reading], ...] = ()  # by strength, of calibration seeds
    strength: float = 0.0
    limited_by: str | None = None


def mitigate(
    pipe: Any,
    plan: Plan,
    *,
    to: str | Path,
    judge: Judge | None = None,
    recogniser: Any = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Run a study, keeping everything in a folder; a rerun of the same plan continues there.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    plan : Plan
        What to do.
    to : str or Path
        Folder for pictures, captured latents and directions.
    judge : callable, optional
        Gives an oracle's labels of an `ImageSet` by attribute; they are reported beside the
        product's and decide nothing.
    recogniser : Recogniser, str or path, optional
        As in `classify`.
    progress : callable, optional
        ``progress(done, total, what)``.

    Returns
    -------
    list of dict
        One entry per attribute of the plan, as in ``summary.json``; plain values only.

    Raises
    ------
    UsageError, FileError, ModelError
        As `generate`, `capture` and `classify`.
    """
    no_pictures_yet = ImageSet([], [], model_path=model_path(pipe))
    found = recogniser_for(no_pictures_yet, recogniser)
    folder = StudyFolder(Path(to), plan, pipe, recogniser_name(found))
    return _Study(pipe, plan, folder, Reader(plan, found, judge), progress).run()


class _Study:
    def __init__(
        self,
        pipe: Any,
        plan: Plan,
        folder: StudyFolder,
        reader: Reader,
        progress: Progress | None,
    ) -> None:
        self.pipe, self.plan, self.folder = pipe, plan, folder
        self.reader, self.progress = reader, progress

    def run(self) -> list[dict[str, Any]]:
        plain_calibration = self.read("calibration/plain", None, self.plan.calibration_seeds())
        learned = [self.learn(a, plain_calibration) for a in self.plan.attributes]
        cosines = {
            one.attribute.name: {
                other.attribute.name: one.direction.cosine(other.direction)
                for other in learned
                if other is not one
            }
            for one in learned
        }
        for i, one in enumerate(learned):
            later = (other.direction for other in learned[i + 1 :])
            direction = one.direction.orthogonal_to(*later)
            learned[i] = replace(
                one, direction=self.folder.direction(one.attribute.name, direction)
            )
        learned = [self.choose_strength(one) for one in learned]
        sums = self.sum_strengths(learned) if len(learned) > 1 else {}
        before = self.read("plain", None)
        both = self.read("sum", _sum(learned, sums)) if sums else None
        return [self.entry(one, before, both, sums, cosines[one.attribute.name]) for one in learned]

    # Learning and choosing: capture and calibration seeds only

    def learn(self, attribute: Attribute, calibration: Reading) -> Learned:
        """Learn on the concept, pointing to the group that the prompt shows least."""
        shares = calibration.figures(attribute.name)["product"]["shares"]
        least = min(shares, key=shares.__getitem__)
        decision = self.folder.decided(f"{attribute.name} towards", lambda: {"group": least})
        return self.fit(attribute, decision["group"], MeanDifference(), on=self.plan.concept)

    def fit(
        self, attribute: Attribute, towards: str, estimator: DirectionEstimator, on: str | None
    ) -> Learned:
        steps = RunSettings(self.plan.num_inference_steps).resolve(self.pipe).num_inference_steps
        contrast = f"{attribute.name}-{on or 'generic'}"
        samples = capture(
            self.pipe,
            attribute,
            self.plan.capture_seeds,
            capture_steps(steps or 1),
            on=on,
            to=self.folder.path / "latents" / contrast,
            batch_size=self.plan.batch_size,
            num_inference_steps=self.plan.num_inference_steps,
            guidance_scale=self.plan.guidance_scale,
            progress=self.progress and self.named(f"capture {contrast}"),
        )
        accuracies = accuracy_by_step(samples, estimator, towards=towards)
        decision = self.folder.decided(
            f"{contrast} step",
            lambda: {"step": choose_step(accuracies)},
        )
        step = decision["step"]
        direction = estimator.fit(samples, step=step, towards=towards).direction_
        return Learned(attribute, towards, direction, step, [a._asdict() for a in accuracies])

    def choose_strength(self, learned: Learned) -> Learned:
        """Measure a dose-response on calibration seeds and aim at one half."""
        response, readings = self.response(learned, learned.attribute.name)
        strength, limited_by = response.choose(HALF)
        decision = self.folder.decided(
            f"{learned.attribute.name} strength",
            lambda: {"strength": round(strength, 2), "limited_by": limited_by},
        )
        return replace(learned, response=response, readings=readings, **decision)

    def response(
        self, learned: Learned, tag: str
    ) -> tuple[DoseResponse, tuple[tuple[float, Reading], ...]]:
        readings: dict[float, Reading] = {}

        def measure(strength: float) -> Dose:
            steer = strength * learned.direction if strength else None
            where = f"calibration/{tag}-{strength:g}" if strength else "calibration/plain"
            seeds = self.plan.calibration_seeds(len(readings))
            readings[strength] = self.read(where, steer, seeds)
            return readings[strength].dose(strength, learned.attribute.name, learned.towards)

        response = measure_response(measure, share=HALF)
        return response, tuple(sorted(readings.items()))

    def sum_strengths(self, learned: list[Learned]) -> dict[str, float]:
        """Find the strengths of a sum, where each direction also moves what the others stand for.

        Start from the readings of the single directions; measure the sum, add what was seen, solve
        again. A sum that lost the concept is drawn in before the next round.
        """
        unsteered = learned[0].readings[0][1]
        seen: list[tuple[dict[str, float], Reading]] = [({}, unsteered)]
        for one in learned:
            seen += [({one.attribute.name: w}, reading) for w, reading in one.readings if w]
        largest = [
            one.response.limit if one.response and one.limited_by != "response" else 0.0
            for one in learned
        ]
        enough = unsteered.concept_kept() - MAX_LOSS
        for round_number in range(1, SUM_ROUNDS + 1):
            strengths = self.folder.decided(
                f"sum {round_number}", partial(_solve_sum, learned, seen, largest)
            )
            place = f"calibration/sum-{round_number}"
            seeds = self.plan.calibration_seeds(MOST_DOSES - SUM_ROUNDS + round_number)
            reading = self.read(place, _sum(learned, strengths), seeds)
            seen.append((strengths, reading))
            if reading.concept_kept() < enough:
                largest = [DRAWN_IN * strength for strength in strengths.values()]
        return self.folder.decided("sum", partial(_solve_sum, learned, seen, largest))

    # Judging: audit seeds

    def entry(
        self,
        learned: Learned,
        before: Reading,
        both: Reading | None,
        sums: Mapping[str, float],
        cosines: Mapping[str, float],
    ) -> dict[str, Any]:
        name, direction, strength = learned.attribute.name, learned.direction, learned.strength
        after = self.read(f"{name}-steered", strength * direction)
        seen = measured_effect(
            direction, strength, self.plan.prompt, before.views["product"], after.views["product"],
            concept=self.plan.concept, chose_strength=True,
        )  # fmt: skip
        self.folder.annotate(name, measured=seen)
        arms = {"plain": before, "steered": after}
        controls = [
            self.read(f"{name}-random-{seed}", strength * Direction.random(direction.shape, seed))
            for seed in range(1, self.plan.controls + 1)
        ]
        if controls:
            arms["random_direction"] = controls[0]
        details: dict[str, Any] = {}
        if self.plan.generic:
            generic = self.fit(learned.attribute, learned.towards, SVMDirection(), on=None)
            kept = self.folder.direction(f"{name}-generic", generic.direction)
            generic = replace(generic, direction=kept)
            arms["generic_svm"] = self.read(f"{name}-generic-svm", strength * generic.direction)
            details["generic"] = self.generic_details(learned, generic)
        if both is not None:
            arms["sum"] = both
        return {
            "prompt": self.plan.prompt,
            "concept": self.plan.concept,
            "attribute": name,
            "title": learned.attribute.title,
            "n": self.plan.n,
            "towards": learned.towards,
            "step": learned.step,
            "strength": strength,
            "limited_by": learned.limited_by,
            "sum_strengths": dict(sums),
            **{arm: reading.figures(name) for arm, reading in arms.items()},
            "paired": {
                arm: before.compare(reading, name)
                for arm, reading in arms.items()
                if arm != "plain"
            },
            "controls": [before.compare(control, name) for control in controls],
            "spillover": {
                arm: before.spillover(reading, sums if arm == "sum" else (name,))
                for arm, reading in arms.items()
                if arm != "plain"
            },
            "preservation": {
                arm: self.preserved(before, reading)
                for arm, reading in arms.items()
                if arm != "plain"
            },
            "dose_response": learned.response.to_dict() if learned.response else None,
            "judged_doses": _judged(learned, learned.readings),
            "accuracy_by_step": learned.accuracies,
            "direction": {
                "file": self.folder.direction_file(name),
                "kept": direction.provenance.get("kept", 1.0),
                "cosines": dict(cosines),  # as learned, before it was made orthogonal
                "seeds": self.plan.n_capture,
            },
            "seeds": self.plan.seed_ranges,
            "pictures": {arm: reading.place for arm, reading in arms.items()},
            **details,
        }

    def generic_details(self, learned: Learned, generic: Learned) -> dict[str, Any]:
        name = learned.attribute.name
        details: dict[str, Any] = {
            "step": generic.step,
            "cosine": generic.direction.cosine(learned.direction),
            "accuracy_by_step": generic.accuracies,
            "file": self.folder.direction_file(f"{name}-generic"),
        }
        if self.plan.generic_doses:
            response, readings = self.response(generic, f"{name}-generic")
            details["dose_response"] = response.to_dict()
            details["judged_doses"] = _judged(generic, readings)
        return details

    # Doors to the rooms above

    def read(self, name: str, steer: Steerable, seeds: range | None = None) -> Reading:
        """Generate, or take what is there, and recognise."""
        place = f"pictures/{name}"
        images = generate(
            self.pipe,
            self.plan.prompt,
            seeds or self.plan.audit_seeds,
            steer,
            num_inference_steps=self.plan.num_inference_steps,
            guidance_scale=self.plan.guidance_scale,
            batch_size=self.plan.batch_size,
            to=self.folder.path / place,
            progress=self.progress and self.named(name),
        )
        return self.reader(images, place)

    def named(self, name: str) -> Progress:
        progress = self.progress
        assert progress is not None
        return lambda done, total, _: progress(done, total, name.replace("-", " "))

    def preserved(self, before: Reading, after: Reading) -> dict[str, Any]:
        """Return how much of the plain same-seed picture is kept, with bootstrap intervals."""
        if isinstance(self.reader.recogniser, Embedder):
            found = preservation(before.images, after.images, self.reader.recogniser)
            kept = {"psnr": found.psnr, "cosine": found.cosine}
        else:  # it can tell groups, but not how close two pictures are
            pairs = zip(before.images, after.images, strict=True)
            kept = {"psnr": np.array([psnr(*pair) for pair in pairs])}
        finite = {name: values[np.isfinite(values)] for name, values in kept.items()}
        # Of identical pictures the PSNR is infinite: they are counted beside its mean.
        identical = {"identical": float(np.isinf(kept["psnr"]).mean())}
        return identical | {
            name: {key: plain(value) for key, value in vars(bootstrap(values)).items()}
            for name, values in finite.items()
            if len(values)
        }


def _solve_sum(
    learned: list[Learned],
    seen: Sequence[tuple[Mapping[str, float], Reading]],
    largest: Sequence[float],
) -> dict[str, float]:
    """Return the strengths of a sum that bring every attribute nearest to one half."""
    names = [one.attribute.name for one in learned]
    response = JointResponse(
        [[strengths.get(name, 0.0) for name in names] for strengths, _ in seen],
        [[r.dose(0.0, one.attribute.name, one.towards) for one in learned] for _, r in seen],
    )
    strengths = response.strengths_for(HALF, largest).round(2).tolist()
    return dict(zip(names, strengths, strict=True))


def _judged(
    learned: Learned, readings: Sequence[tuple[float, Reading]]
) -> list[dict[str, float | int]]:
    """Return the same doses as an oracle counts them; it decides nothing."""
    name = learned.attribute.name
    return [
        vars(reading.dose(strength, name, learned.towards, "oracle"))
        for strength, reading in readings
        if "oracle" in reading.views_of(name)
    ]


def _sum(learned: list[Learned], strengths: Mapping[str, float]) -> Steering:
    return sum((strengths[one.attribute.name] * one.direction for one in learned), start=Steering())
