"""The plan of a mitigation: prompts, attributes and numbers of pictures."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.concepts import (
    Attribute,
    Target,
    as_attribute,
    as_attributes,
    concept_pack,
    prompts_from,
)
from trimtab.concepts.words import fold
from trimtab.errors import UsageError
from trimtab.interventions import Adjustment, as_intervention
from trimtab.latents import AUDIT_SEEDS, CALIBRATION_SEEDS, CAPTURE_SEEDS
from trimtab.statistics.limits import CALIBRATION_CONFIDENCE, PRECISION
from trimtab.workflows.calibration import Precision
from trimtab.workflows.concept_rule import ConceptRule
from trimtab.workflows.targets import Targets, targets_of

STEP_FRACTIONS = (0.1, 0.15, 0.2, 0.3)  # of the run, at which directions may be learned
PLAIN_BLOCKS = 3  # calibration pictures without steering, as a multiple of those at a dose
MOST_DOSES = 20  # of one attribute, including sums
DOSES = 8  # most doses of one attribute, for the estimate of pictures
SUM_ROUNDS = 2  # measurements of a sum, each followed by a correction of its strengths


def capture_steps(num_inference_steps: int) -> list[int]:
    """Return the steps of a run at which a direction may be learned."""
    return sorted({max(1, round(f * num_inference_steps)) for f in STEP_FRACTIONS})


@dataclass(frozen=True)
class Plan:
    """The settings of one mitigation.

    Parameters
    ----------
    prompts : str or sequence of str
        Neutral prompts, e.g. "a photo of a doctor". Shares are over the pictures of all prompts.
    attributes : sequence of Attribute or str
        Attributes to mitigate, of two groups each. Each direction is made orthogonal to those of
        the attributes after it.
    target : Target or mapping, optional
        Target of the only attribute, or targets by attribute name; default equal shares.
    on : sequence of str, optional
        Concepts to learn the contrast on; default the subjects of the prompts.
    concepts : Attribute or str, optional
        Pack of mutually exclusive concepts used to judge what a picture shows. Without one,
        pictures are compared with the groups' prompts, with and without the concept.
    watch : sequence of Attribute or str
        Other attributes to check for side effects.
    n : int
        Audit pictures per prompt and arm.
    n_capture : int
        Seeds per contrast.
    n_rates : int, optional
        Pictures of a prompt that names a group ("a photo of a woman doctor"), to tell what the
        group itself brings, if fewer than 20 plain pictures show it; default half of `n`.
    n_dose : int
        Calibration pictures per strength, over all prompts, rounded up to whole batches of each
        prompt; three times as many without steering, because all others are compared with these.
        With many prompts, use a smaller `batch_size` to reduce their number.
    precision : float, optional
        Largest distance from its target of the whole interval of each share at the chosen
        strengths. None keeps the strengths of a single round.
    confidence : float
        Confidence level of those intervals.
    budget : int, optional
        Most pictures for refining one direction, or the sum; default 1.5 times what one share
        needs.
    controls : int
        Number of random directions to run at the strength of each learned one.
    generic : bool
        Whether to add the paper's method, an SVM on the groups' own prompts ("a photo of a woman").
    generic_doses : bool
        Whether to measure a dose-response for that method too.
    adjust : Adjustment, optional
        Adjustment of the prompts, with which all but the plain pictures are made. Strengths are
        calibrated with it, and a set of pictures shows it alone.
    local : bool
        Whether to reduce each direction to the cells that hold three quarters of its energy
        (`Direction.local`), so that less besides its attribute changes.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; default the model's own values.
    batch_size : int
        Images per call of the pipeline.

    Raises
    ------
    UsageError
        If a prompt, attribute or target is invalid, or a number is out of range.
    """

    prompts: str | Sequence[str]
    attributes: Sequence[Attribute | str]
    target: Targets = None
    on: Sequence[str] | None = None
    concepts: Attribute | str | None = None
    watch: Sequence[Attribute | str] = ()
    n: int = 100
    n_capture: int = 50
    n_rates: int | None = None
    n_dose: int = 30
    precision: float | None = PRECISION
    confidence: float = CALIBRATION_CONFIDENCE
    budget: int | None = None
    controls: int = 0
    generic: bool = False
    generic_doses: bool = False
    adjust: Adjustment | None = None
    local: bool = False
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    height: int | None = None
    width: int | None = None
    batch_size: int = 10
    targets: dict[str, Target] = field(init=False)
    rule: ConceptRule = field(init=False)
    steered: tuple[Attribute, ...] = field(init=False)
    watched: tuple[Attribute, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Look up the names and check the numbers."""
        prompts = prompts_from(self.prompts)
        steered = as_attributes(self.attributes)
        if not steered:
            raise UsageError(got="no attributes", expected="at least one", do="name one")
        names = [one.name for one in steered]
        for one in steered:
            if len(one.groups) != 2:
                raise UsageError(
                    got=f"the attribute {one.name!r} with {len(one.groups)} groups",
                    expected="two groups, between which a direction can shift",
                    do="watch it instead, or choose an attribute with two groups",
                )
            if names.count(one.name) > 1:
                raise UsageError(
                    got=f"the attribute {one.name!r} twice",
                    expected="each attribute once",
                    do="remove the repeat",
                )
        others = {one.name: one for one in map(as_attribute, self.watch)}
        watched = tuple(one for name, one in others.items() if name not in names)
        pack = None if self.concepts is None else _pack(self.concepts)
        found = {
            "prompts": prompts,
            "attributes": steered,
            "watch": watched,
            "steered": steered,
            "watched": watched,
            "concepts": pack,
            "on": None if self.on is None else _contrast(self.on),
            "rule": ConceptRule(steered, pack),
            "targets": targets_of(steered, self.target),
            "adjust": as_intervention(None, self.adjust).acting().adjustment,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)
        for prompt in prompts:
            self.rule.concept(prompt)  # refuses a prompt that is not in the pack
        self._check_numbers(len(prompts))

    def _check_numbers(self, prompts: int) -> None:
        room = min(map(len, (AUDIT_SEEDS, CALIBRATION_SEEDS, CAPTURE_SEEDS)))
        for name, low, high in (
            ("n", 2, room),
            ("n_capture", 5, room),
            ("n_rates", 0, room),
            ("n_dose", 5, prompts * room // (PLAIN_BLOCKS + MOST_DOSES)),
            ("controls", 0, room),
            ("batch_size", 1, room),
        ):
            value = getattr(self, name)
            if name == "n_rates" and value is None:
                continue
            number = _whole(value)
            if number is None or not low <= number <= high:
                raise UsageError(
                    got=f"{name}={value!r}",
                    expected=f"a whole number from {low} to {high}",
                    do="choose another number",
                )
            object.__setattr__(self, name, number)
        for name in ("precision", "confidence"):
            value = getattr(self, name)
            if value is None and name == "precision":
                continue
            if not isinstance(value, int | float) or not 0 < value < 1:  # NaN is neither
                raise UsageError(
                    got=f"{name}={value!r}",
                    expected="a number between 0 and 1",
                    do="use the default, or choose another number",
                )
        most = self.refinement.budget if self.refinement else 0
        if self.budget is not None and not (isinstance(self.budget, int) and self.budget >= 1):
            raise UsageError(
                got=f"budget={self.budget!r}",
                expected="a whole number of pictures",
                do="leave it out, or choose a number from 1",
            )
        if self._first_refining + self._each(most) > len(self._calibration):
            raise UsageError(
                got=f"precision={self.precision}, which may take {most} pictures",
                expected=f"at most {len(CALIBRATION_SEEDS)} calibration pictures per prompt",
                do="choose a larger precision, or set a budget",
            )

    @property
    def refinement(self) -> Precision | None:
        """Precision of the refinement; None for a single round."""
        if self.precision is None:
            return None
        return Precision.affordable(self.precision, self.confidence, self.budget)

    @property
    def audit_seeds(self) -> range:
        """Seeds of each prompt, not used for any decision."""
        return AUDIT_SEEDS[: self.n]

    @property
    def rate_seeds(self) -> range:
        """Seeds of each prompt that names a rare group."""
        if len(self.steered) + len(self.watched) == 1:  # there is no other attribute
            return range(0)
        return AUDIT_SEEDS[: self.n // 2 if self.n_rates is None else self.n_rates]

    def calibration_seeds(self, dose: int = 0) -> range:
        """Return the seeds of one dose, different for every dose; dose 0 is without steering.

        With the same seeds at every dose, chance effects of one draw would affect all doses.
        """
        each = self._each(self.n_dose)
        first, last = (PLAIN_BLOCKS + dose - 1 if dose else 0), PLAIN_BLOCKS + dose
        return self._calibration[first * each : last * each]

    def refining_seeds(self, made: int, n: int) -> range:
        """Return the seeds of the next `n` pictures of a refinement, after the first `made`."""
        first = self._first_refining + self._each(made)
        return self._calibration[first : first + self._each(n)]

    def grid_seeds(self, n: int) -> range:
        """Return the seeds of n pictures of each prompt at every cell of a grid: the last ones."""
        whole = len(self._calibration) // self.batch_size * self.batch_size
        first = whole - self._blocks(n)
        return self._calibration[first : first + n]

    @property
    def _calibration(self) -> range:
        """Calibration seeds, from the start of the first whole block."""
        return CALIBRATION_SEEDS[-CALIBRATION_SEEDS.start % self.batch_size :]

    @property
    def _first_refining(self) -> int:
        return (PLAIN_BLOCKS + MOST_DOSES) * self._each(self.n_dose)

    def _each(self, pictures: int) -> int:
        """Return the seeds per prompt for a total number of pictures, in whole blocks.

        A store generates whole blocks, so a part of one would cost as much.
        """
        return self._blocks(-(-pictures // len(self.prompts)))

    def _blocks(self, seeds: int) -> int:
        return -(-seeds // self.batch_size) * self.batch_size

    @property
    def capture_seeds(self) -> range:
        """Seeds that directions are learned from."""
        return CAPTURE_SEEDS[: self.n_capture]

    @property
    def contrast(self) -> tuple[str, ...]:
        """Concepts that the contrast is learned on."""
        found: dict[str, str] = {}
        for one in self.on or map(self.rule.concept, self.prompts):
            found.setdefault(fold(one), one)
        return tuple(found.values())

    @property
    def contrast_prompts(self) -> dict[str, tuple[str, ...]]:
        """Prompts by group that the first attribute's direction is learned from."""
        return self.steered[0].prompts(on=self.contrast)

    @property
    def seed_ranges(self) -> dict[str, tuple[int, int]]:
        """First seed of each purpose and the seed after its last, for records."""
        most = self.refinement.budget if self.refinement else 0
        seeds = {
            "audit": self.audit_seeds,
            "calibration": self._calibration[: self._first_refining + self._each(most)],
            "capture": self.capture_seeds,
        }
        return {purpose: (some.start, some.stop) for purpose, some in seeds.items()}

    @property
    def captures(self) -> int:
        """Number of runs to learn from, which stop after their first steps."""
        return 2 * self.n_capture * len(self.steered) * (1 + self.generic)

    @property
    def pictures(self) -> int:
        """Largest number of pictures for calibration and audit, without captures."""
        directions = len(self.steered)
        sums = int(directions > 1)
        responses = directions * (2 if self.generic_doses else 1)
        doses = PLAIN_BLOCKS + DOSES * responses + SUM_ROUNDS * sums
        refined = self._each(self.refinement.budget) if self.refinement else 0
        arms = (
            1 + (self.adjust is not None) + sums + directions * (1 + self.controls + self.generic)
        )
        named = 2 * directions * self._blocks(len(self.rate_seeds))
        seeds = doses * self._each(self.n_dose) + arms * self._blocks(self.n) + named
        return (seeds + (directions + sums) * refined) * len(self.prompts)

    def deciding(self) -> dict[str, Any]:
        """Return what determines groups, steps and strengths, JSON-serialisable."""
        names = ("n_capture", "n_dose", "precision", "confidence", "budget", "batch_size", "local")
        return {
            **({} if self.adjust is None else {"adjust": self.adjust.to_dict()}),
            "prompts": list(self.prompts),
            "attributes": [facts_of(one) for one in self.steered],
            "targets": [[*one.shares.items()] for one in self.targets.values()],
            "on": list(self.contrast),
            "concepts": None if self.rule.pack is None else facts_of(self.rule.pack),
            **{name: getattr(self, name) for name in names},
        }

    def facts(self) -> dict[str, Any]:
        """Return all that determines the result, JSON-serialisable."""
        names = ("n", "controls", "generic", "generic_doses")
        return {
            "deciding": self.deciding(),
            "watch": [facts_of(one) for one in self.watched],
            "n_rates": len(self.rate_seeds),
            "sources": [one.source for one in self.targets.values()],
            **{name: getattr(self, name) for name in names},
        }


def _whole(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _contrast(names: Any) -> tuple[str, ...]:
    found = (names,) if isinstance(names, str | Attribute) else tuple(names)
    if not found or not all(isinstance(one, str) and one.strip() for one in found):
        raise UsageError(
            got=f"on={names!r}",
            expected="a word or two per concept",
            do='write e.g. on="doctor", or leave it out',
        )
    return found


def _pack(name: Attribute | str) -> Attribute:
    return name if isinstance(name, Attribute) else concept_pack(name)


def facts_of(one: Attribute) -> dict[str, Any]:
    """Return what an attribute asks, JSON-serialisable; attributes with one name may differ."""
    return {
        "name": one.name,
        "groups": [
            [group.name, group.prompt, group.modifier, *group.phrases] for group in one.groups
        ],
    }
