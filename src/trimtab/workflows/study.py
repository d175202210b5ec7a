"""A mitigation at work: from the plan to the result.

Every decision (the group to raise, the step, the strength) uses the recogniser on capture and
calibration seeds. Audit seeds are used only for the final figures, and an oracle decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from trimtab.concepts import Attribute
from trimtab.drawing.words import spaced
from trimtab.generation import generate, remark_on
from trimtab.interventions import (
    Direction,
    DirectionEstimator,
    Intervention,
    MeanDifference,
    Steering,
    SVMDirection,
)
from trimtab.pipelines import RunSettings, model_facts, model_note
from trimtab.recognition.protocol import recogniser_name, recogniser_version
from trimtab.statistics.limits import THRESHOLD
from trimtab.storage import Progress, Store, canonical_json, document_hash, sha256
from trimtab.storage.specs import model_of
from trimtab.workflows.directions import (
    Fitted,
    cosines_of,
    direction_file,
    disentangled,
    fit_direction,
)
from trimtab.workflows.effect import measured_effect, provenance_of
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.plan import Plan
from trimtab.workflows.rates import rates_of_rare_groups
from trimtab.workflows.readings import (
    Oracle,
    Rates,
    Reader,
    Reading,
    alignment_of,
    changes_of,
    preserved,
    views_by_prompt,
    views_of,
)
from trimtab.workflows.records import Arm, Calibration, Generic, Mitigated
from trimtab.workflows.result import slug
from trimtab.workflows.strengths import Calibrator, Single, response_of, steering_of

SUM, ADJUSTED = "all directions", "adjustment"


class Study:
    """One mitigation at work: reads pictures, learns directions and measures arms.

    Parameters
    ----------
    pipe, plan, store, recogniser, oracle, progress
        As in `mitigate`, which looks them up.
    """

    def __init__(
        self,
        pipe: Any,
        plan: Plan,
        store: Store,
        recogniser: Any,
        oracle: Oracle | None,
        progress: Progress | None,
    ) -> None:
        self.pipe, self.plan, self.store = pipe, plan, store
        self.recogniser, self.progress = recogniser, progress
        self.adjust = None if plan.adjust is None else plan.adjust.bound(pipe)
        every = (*plan.steered, *plan.watched)
        self.reader = Reader(every, recogniser, store, plan.rule, oracle)
        self.reader.check(plan.prompts)
        self.model = model_of(model_facts(pipe))
        asked = RunSettings(**{one.name: getattr(plan, one.name) for one in fields(RunSettings)})
        settings = asked.resolve(pipe).to_dict()
        self.settings = settings | {"batch_size": plan.batch_size}
        identity = {
            "model": self.model,
            "settings": settings,
            "recogniser": [recogniser_name(recogniser), recogniser_version(recogniser)],
        }
        # Decisions do not depend on the number of audit pictures.
        self.decisions = f"studies/{document_hash(identity | plan.deciding())}"
        names = "-".join(slug(one.name) for one in plan.steered)
        self.name = f"{slug(plan.prompts[0])}-{names}-{document_hash(identity | plan.facts())[:8]}"
        self.made: set[tuple[str | None, str | None, int]] = set()
        self.rates: Rates = {}

    def run(self) -> MitigationResult:
        """Learn, calibrate, assess, and store the result."""
        calibrator = Calibrator(self.plan, self.steered, self.decided)
        unsteered = self.steered("calibrate plain", Steering(), self.plan.calibration_seeds())
        names = [one.name for one in self.plan.steered]
        as_learned = [self.learn(one, unsteered) for one in self.plan.steered]
        fitted = disentangled(as_learned, local=self.plan.local)
        for one in fitted:
            self.kept(one.direction)
        cosines = cosines_of(dict(zip(names, as_learned, strict=True)))
        applied = cosines_of(dict(zip(names, fitted, strict=True))) if self.plan.local else {}
        singles = [
            calibrator.single(a.name, str(f.direction.provenance["towards"]), f.direction)
            for a, f in zip(self.plan.steered, fitted, strict=True)
        ]
        joint = calibrator.together(singles) if len(singles) > 1 else None
        arms, generics, readings = self.arms(singles, joint, calibrator)
        learned = [
            f.learned(a, cosines=cosines[a.name], applied=applied.get(a.name, {}))
            for a, f in zip(self.plan.steered, fitted, strict=True)
        ]
        attributes = tuple(
            Mitigated(
                mine,
                self.plan.targets[single.attribute],
                single.strength,
                single.calibration,
                response_of(single),
                generics.get(single.attribute),
            )
            for mine, single in zip(learned, singles, strict=True)
        )
        remarks = [remark_on(one.images, self.pipe) for one in readings.values()]
        notes = [model_note(self.pipe), *remarks]
        return MitigationResult(
            name=self.name,
            model=self.model,
            note="\n".join(dict.fromkeys(filter(None, notes))),
            settings=self.settings,
            prompts=self.plan.prompts,  # type: ignore[arg-type]
            concepts=tuple(map(self.plan.rule.concept, self.plan.prompts)),
            concept_rule=str(self.plan.rule),
            attributes=attributes,
            joint=joint,
            arms=arms,
            recogniser=recogniser_name(self.recogniser),
            threshold=THRESHOLD,
            seeds=self.plan.seed_ranges,
            file=self.bring_home(singles, joint, readings),
            planned=self.plan.pictures,
            made=len(self.made),
        ).save(self.store)

    # Learning: capture and calibration seeds only

    def learn(self, one: Attribute, calibration: Reading) -> Fitted:
        """Return a direction, learned on the concept, to the group furthest below its target."""
        labels = calibration.sights["recogniser"].observations.labels(one.name)
        shown = labels.names[labels.known]  # targets refer to known pictures
        shares = {
            name: float((shown == name).mean()) if len(shown) else 0.0 for name in labels.groups
        }
        target = self.plan.targets[one.name]
        least = min(shares, key=lambda group: shares[group] - target[group])
        group = self.decided(f"{one.name} towards", lambda: {"group": least})["group"]
        return self.fit(one, MeanDifference(towards=group), self.plan.contrast)

    def fit(self, one: Attribute, estimator: DirectionEstimator, on: Sequence[str]) -> Fitted:
        """Return a direction of an attribute, at a step chosen by accuracy."""
        what = f"{one.name} {'on the concept' if on else 'generic'}"
        return fit_direction(
            self.pipe,
            one,
            estimator,
            on=on,
            seeds=self.plan.capture_seeds,
            store=self.store,
            run=self.settings,
            decided=lambda choose: self.decided(f"{what} step", choose),
            progress=self.progress and self.named(f"capture {what}"),
        )

    def kept(self, direction: Direction) -> Direction:
        """Return the direction after storing it."""
        self.store.add_file(direction_file(direction), direction.to_bytes())
        return direction

    # Assessment: audit seeds

    def arms(
        self, singles: Sequence[Single], joint: Calibration | None, calibrator: Calibrator
    ) -> tuple[tuple[Arm, ...], dict[str, Generic], dict[str, Reading]]:
        """Return the arms with their figures, the generic SVMs by attribute, and the readings."""
        readings: dict[str, Reading] = {}
        arms: list[Arm] = []
        generics: dict[str, Generic] = {}

        def add(name: str, role: Any, attribute: str | None, steering: Steering) -> None:
            adjust = None if role == "plain" else self.adjust
            does = Intervention(steering, adjust)
            readings[name] = self.read(name, does, self.plan.audit_seeds)
            before = None if role == "plain" else readings["plain"]
            arms.append(self.arm(name, role, attribute, does, readings[name], before))

        add("plain", "plain", None, Steering())
        self.rates = rates_of_rare_groups(readings["plain"], self.plan, self.read)
        if self.adjust is not None:
            add(ADJUSTED, "adjusted", None, Steering())
        if joint is not None:
            add(SUM, "sum", None, steering_of(singles, joint.strengths))
        for single, one in zip(singles, self.plan.steered, strict=True):
            name, strength = spaced(one.name), single.strength
            add(name, "single", one.name, strength * single.direction)
            for seed in range(1, self.plan.controls + 1):
                direction = Direction.random(single.direction.shape, seed)
                add(f"random {seed}: {name}", "random", one.name, strength * direction)
            if self.plan.generic:
                generics[one.name], direction = self.generic(one, single, calibrator)
                add(f"generic SVM: {name}", "generic", one.name, strength * direction)
        return tuple(arms), generics, readings

    def generic(
        self, one: Attribute, single: Single, calibrator: Calibrator
    ) -> tuple[Generic, Direction]:
        """Return the paper's direction, an SVM on the groups' own prompts, and its record."""
        fitted = self.fit(one, SVMDirection(towards=single.towards), ())
        direction = self.kept(fitted.direction)
        response = None
        if self.plan.generic_doses:
            tag = f"{one.name} generic"
            response = response_of(calibrator.single(one.name, single.towards, direction, tag))
        cosine = direction.cosine(single.direction)
        return Generic(fitted.learned(one), cosine, response), direction

    def arm(
        self,
        name: str,
        role: Any,
        attribute: str | None,
        does: Intervention,
        reading: Reading,
        before: Reading | None,
    ) -> Arm:
        """Return the figures of one set of pictures."""
        together = [one.name for one in self.plan.steered]
        moved = together if role in ("sum", "adjusted") else [attribute] if attribute else []
        alignment = alignment_of(reading, self.recogniser, self.store)
        seen = reading, self.plan.targets, together, alignment
        seeds = self.plan.audit_seeds
        return Arm(
            name,
            role,
            attribute,
            reading.images.records[0].spec or "",
            does.to_dict(),
            len(reading.images),
            (seeds.start, seeds.stop),
            views_of(*seen),
            views_by_prompt(*seen),
            () if before is None else changes_of(before, reading, moved, self.rates),
            None if before is None else preserved(before, reading, self.recogniser, self.store),
        )

    def bring_home(
        self,
        singles: Sequence[Single],
        joint: Calibration | None,
        readings: Mapping[str, Reading],
    ) -> str:
        """Store the mitigation and return its file in the store."""
        strengths = joint.strengths if joint else singles[0].calibration.strengths
        before, after = readings["plain"], readings[SUM if joint else spaced(singles[0].attribute)]
        steering = steering_of(singles, strengths)
        judged = before.sights["recogniser"].kept is not None
        measured = measured_effect(
            steering,
            before.sights["recogniser"].observations,
            after.sights["recogniser"].observations,
            concept=", ".join(map(self.plan.rule.concept, self.plan.prompts)),
            concept_kept=(before.kept(), after.kept()) if judged else None,
            chose_strength=True,
            settings={**self.settings, "scheduler": self.model["scheduler"]},
        )
        name = " + ".join(f"{one.attribute}: {one.towards}" for one in singles)
        facts = provenance_of(name, self.plan.targets, measured)
        file = f"mitigations/{self.name}.safetensors"
        self.store.write_file(file, Intervention(steering, self.adjust, facts).to_bytes())
        return file

    # Access to other rooms

    def steered(self, what: str, steering: Steering, seeds: range) -> Reading:
        """Return recognised pictures with this steering and the plan's adjustment."""
        return self.read(what, Intervention(steering, self.adjust), seeds)

    def read(
        self, what: str, does: Intervention, seeds: range, prompts: Sequence[str] = ()
    ) -> Reading:
        """Return recognised pictures, generated or taken from the store.

        Other prompts than the plan's show other concepts, if any, which are not judged.
        """
        reader = replace(self.reader, rule=None) if prompts else self.reader
        images = generate(
            self.pipe,
            prompts or self.plan.prompts,
            seeds,
            does,
            to=self.store,
            progress=self.progress and self.named(what),
            **self.settings,
        )
        self.made |= {(one.spec, one.prompt, one.seed) for one in images.records}
        return reader(images, prompts or self.plan.prompts)

    def decided(self, what: str, decide: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the recorded decision, or make and record it; the first one counts."""
        if not recogniser_version(self.recogniser):
            return dict(decide())  # whose earlier decision it was is unknown
        name = f"{slug(what, 60)}-{sha256(what.encode())[:8]}.json"
        if name not in self.store.names(self.decisions):
            self.store.add_file(f"{self.decisions}/{name}", canonical_json(dict(decide())))
        return dict(json.loads(self.store.read_file(f"{self.decisions}/{name}")))

    def named(self, what: str) -> Progress:
        """Return the progress under another name."""
        progress = self.progress
        assert progress is not None
        return lambda done, total, _: progress(done, total, what)
