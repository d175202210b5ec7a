"""The strengths of a mitigation, for each direction alone and for their sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy.typing as npt

from trimtab.interventions import Direction, Steering
from trimtab.statistics import Dose, Estimate, Response, wilson
from trimtab.statistics.limits import MAX_CONCEPT_LOSS
from trimtab.workflows.calibration import Seen, measure_response, refine
from trimtab.workflows.plan import MOST_DOSES, SUM_ROUNDS, Plan
from trimtab.workflows.readings import Reading
from trimtab.workflows.records import Calibration, Reached
from trimtab.workflows.response import DoseResponse, JointResponse

DRAWN_IN = 0.8  # factor on the strengths of a sum that lost the concept

Read = Callable[[str, Steering, range], Reading]
"""``(what, steering, seeds)`` -> pictures with observations."""
Decided = Callable[[str, Callable[[], Mapping[str, Any]]], dict[str, Any]]
"""``(what, decide)`` -> the decision recorded under that name, or a new one."""


@dataclass(frozen=True)
class Single:
    """One direction with its calibrated strength.

    Attributes
    ----------
    attribute, towards : str
        Its attribute, and the group that it points to.
    target : float
        Target share of that group.
    direction : Direction
        The direction, as applied.
    response : DoseResponse
        Measured dose-response.
    readings : tuple of (float, Reading)
        Pictures of the doses, by strength.
    calibration : Calibration
        The strength, and the share that it reached.
    """

    attribute: str
    towards: str
    target: float
    direction: Direction
    response: DoseResponse
    readings: tuple[tuple[float, Reading], ...]
    calibration: Calibration

    @property
    def strength(self) -> float:
        """Strength in standard deviations of the noise."""
        return self.calibration.strengths[self.attribute]


class Calibrator:
    """Finds strengths on calibration seeds, using the recogniser.

    Parameters
    ----------
    plan : Plan
        Seeds, numbers of pictures, precision.
    read : callable
        Generates pictures and recognises them.
    decided : callable
        Records decisions, so that a resumed study does not make them again: a strength computed
        again on another machine may differ in its last digit, and so would its pictures.
    """

    def __init__(self, plan: Plan, read: Read, decided: Decided) -> None:
        self.plan, self.read, self.decided = plan, read, decided

    def single(self, attribute: str, towards: str, direction: Direction, tag: str = "") -> Single:
        """Return a direction with its strength, refined if the plan requires it."""
        target = self.plan.targets[attribute][towards]
        name = tag or attribute
        response, readings = self.response(attribute, towards, direction, target, name)
        strength, limited_by = response.choose(target)
        chosen = self.decided(
            f"{name} strength", lambda: {"strength": round(strength, 2), "limited_by": limited_by}
        )
        found = Single(
            attribute,
            towards,
            target,
            direction,
            response,
            readings,
            Calibration(
                {attribute: chosen["strength"]},
                tuple(
                    self._reached(reading, attribute, towards)
                    for strength, reading in readings
                    if strength == chosen["strength"]
                ),
                None,
                self.plan.confidence,
                0,
                0,
                chosen["limited_by"] or "once",
            ),
        )
        return found if tag else self._refined(found)

    def response(
        self, attribute: str, towards: str, direction: Direction, target: float, tag: str
    ) -> tuple[DoseResponse, tuple[tuple[float, Reading], ...]]:
        """Return a measured dose-response and its pictures."""
        readings: dict[float, Reading] = {}

        def measure(strength: float) -> Dose:
            seeds = self.plan.calibration_seeds(len(readings))
            what = f"calibrate {tag} at {strength:g}" if strength else "calibrate plain"
            readings[strength] = self.read(what, strength * direction, seeds)
            return readings[strength].dose(strength, attribute, towards)

        return measure_response(measure, share=target), tuple(sorted(readings.items()))

    def _refined(self, found: Single) -> Single:
        """Return the direction with its strength refined to the plan's precision."""
        if self.plan.refinement is None or found.calibration.stopped_by == "response":
            return found
        response = found.response

        def limits(seen: Seen) -> tuple[list[float], str]:
            now = DoseResponse([*response.doses, *(doses[0] for _, doses in seen)])
            held = "concept" if now.limit < now.doses[-1].strength else "range"
            return [now.limit], held

        start, slopes = [found.strength], [[response.slope]]
        refined = self._refine([found], found.attribute, start, slopes, limits)
        return replace(found, calibration=refined)

    def together(self, singles: Sequence[Single]) -> Calibration:
        """Return the strengths of a sum, where each direction also affects the other attributes.

        Start from the readings of the single directions, measure the sum, add the new reading and
        solve again. Reduce the strengths of a sum that lost the concept. Then refine.
        """
        unsteered = singles[0].readings[0][1]
        seen: list[tuple[dict[str, float], Reading]] = [({}, unsteered)]
        for one in singles:
            seen += [({one.attribute: w}, reading) for w, reading in one.readings if w]
        largest = [
            one.response.limit if one.calibration.stopped_by != "response" else 0.0
            for one in singles
        ]
        enough = unsteered.kept() - MAX_CONCEPT_LOSS
        for number in range(1, SUM_ROUNDS + 1):
            strengths = self.decided(f"sum {number}", partial(_solve, singles, seen, largest))
            seeds = self.plan.calibration_seeds(MOST_DOSES - SUM_ROUNDS + number)
            reading = self.read(
                f"calibrate the sum, {number}", steering_of(singles, strengths), seeds
            )
            seen.append((strengths, reading))
            if reading.kept() < enough:
                largest = [DRAWN_IN * strength for strength in strengths.values()]
        chosen = self.decided("sum", partial(_solve, singles, seen, largest))
        if self.plan.refinement is None:
            measured = [reading for strengths, reading in seen if strengths == chosen][-1:]
            reached = tuple(
                self._reached(reading, one.attribute, one.towards)
                for reading in measured
                for one in singles
            )
            return Calibration(chosen, reached, None, self.plan.confidence, 0, 0, "once")

        def limits(refining: Seen) -> tuple[list[float], str]:
            pictures, kept = (
                sum(getattr(doses[0], what) for _, doses in refining) for what in ("n", "kept")
            )
            if kept / pictures >= enough:
                return largest, "range"
            return [DRAWN_IN * strength for strength in refining[-1][0]], "concept"

        start, slopes = [chosen[one.attribute] for one in singles], _joint(singles, seen).slopes
        return self._refine(singles, "the sum", start, slopes, limits)

    def _refine(
        self,
        singles: Sequence[Single],
        what: str,
        start: Sequence[float],
        slopes: npt.ArrayLike,
        limits: Callable[[Seen], tuple[list[float], str]],
    ) -> Calibration:
        """Return the strengths of one direction, or of a sum, refined to the plan's precision."""
        precision, made = self.plan.refinement, 0
        assert precision is not None
        names = [one.attribute for one in singles]

        def measure(strengths: tuple[float, ...], n: int) -> list[Dose]:
            nonlocal made
            seeds = self.plan.refining_seeds(made, n)
            made += len(seeds) * len(self.plan.prompts)
            steering = steering_of(singles, dict(zip(names, strengths, strict=True)))
            at = ", ".join(f"{strength:g}" for strength in strengths)
            reading = self.read(f"refine {what} at {at}", steering, seeds)
            return [
                reading.dose(strength, one.attribute, one.towards)
                for strength, one in zip(strengths, singles, strict=True)
            ]

        targets = [one.target for one in singles]
        refined = refine(
            measure, start, slopes, targets=targets, limits=limits, precision=precision
        )
        return Calibration(
            dict(zip(names, refined.strengths, strict=True)),
            tuple(map(Reached, names, refined.reached)),
            self.plan.precision,
            self.plan.confidence,
            refined.rounds,
            refined.pictures,
            refined.stopped_by,  # type: ignore[arg-type]
        )

    def _reached(self, reading: Reading, attribute: str, towards: str) -> Reached:
        """Return the share measured in one set of pictures."""
        dose = reading.dose(0.0, attribute, towards)
        share = wilson(dose.towards, dose.known, confidence=self.plan.confidence)
        return Reached(attribute, Estimate(share.value, share.n, share.low, share.high))


def steering_of(singles: Sequence[Single], strengths: Mapping[str, float]) -> Steering:
    """Return the sum of directions at these strengths."""
    return Steering((one.direction, strengths[one.attribute]) for one in singles)


def response_of(single: Single) -> Response:
    """Return the dose-response with its curves and the counts of the oracle."""
    curve = single.response.curve()
    judged = tuple(
        reading.dose(strength, single.attribute, single.towards, "oracle")
        for strength, reading in single.readings
        if "oracle" in reading.sights and single.attribute in reading.sights["oracle"].attributes
    )
    return Response(
        single.target,
        single.response.doses,
        judged,
        curve,
        single.response.least_kept,
        single.response.limit,
    )


def _joint(
    singles: Sequence[Single], seen: Sequence[tuple[Mapping[str, float], Reading]]
) -> JointResponse:
    return JointResponse(
        [[strengths.get(one.attribute, 0.0) for one in singles] for strengths, _ in seen],
        [[r.dose(0.0, one.attribute, one.towards) for one in singles] for _, r in seen],
    )


def _solve(
    singles: Sequence[Single],
    seen: Sequence[tuple[Mapping[str, float], Reading]],
    largest: Sequence[float],
) -> dict[str, float]:
    """Return the strengths of a sum that bring the shares closest to their targets."""
    wanted = [one.target for one in singles]
    strengths = _joint(singles, seen).strengths_for(wanted, largest).round(2).tolist()
    return dict(zip([one.attribute for one in singles], strengths, strict=True))
