"""The result of a mitigation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from trimtab.drawing.words import number_of, spaced
from trimtab.generation import ImageSet
from trimtab.generation.selection import Key
from trimtab.interventions import Intervention
from trimtab.metrics.tables import number, signed
from trimtab.workflows import notebooks
from trimtab.workflows.records import Arm, Calibration, Learned, Mitigated, Seeds
from trimtab.workflows.result import Result, kept_in, pictures_of


@dataclass(frozen=True, kw_only=True)
class MitigationResult(Result):
    """The result of a mitigation: directions, strengths and their effect.

    Attributes
    ----------
    prompts, concepts : tuple of str
        The prompts, and the concept of each that a picture must keep.
    concept_rule : str
        How this is judged, as a sentence.
    attributes : tuple of Mitigated
        The mitigated attributes.
    joint : Calibration, optional
        Calibration of the sum; None with one attribute.
    arms : tuple of Arm
        The sets of audit pictures, plain first.
    recogniser : str
        Name of the recogniser used for decisions.
    threshold : float
        The probability below which a picture is unknown.
    seeds : dict of str to tuple of int
        By purpose: the first seed, and the seed after the last.
    file : str
        File of the mitigation, relative to the store.
    planned, made : int
        Number of pictures: the maximum, and the actual one.
    """

    FORMAT: ClassVar[str] = "trimtab-mitigation-result"

    prompts: tuple[str, ...]
    concepts: tuple[str, ...]
    concept_rule: str
    attributes: tuple[Mitigated, ...]
    joint: Calibration | None
    arms: tuple[Arm, ...]
    recogniser: str
    threshold: float
    seeds: dict[str, Seeds]
    file: str
    planned: int
    made: int

    def arm(self, name: str) -> Arm:
        """Return the arm with a name.

        Raises
        ------
        KeyError
            If there is none.
        """
        return {one.name: one for one in self.arms}[name]

    def pictures(self, arm: Arm, seeds: Sequence[int] | None = None) -> ImageSet:
        """Return the pictures of an arm, prompt by prompt, from the result's store.

        Parameters
        ----------
        arm : Arm
            One of `arms`.
        seeds : sequence of int, optional
            Seeds to return; default all of the arm.

        Raises
        ------
        FileError
            If the result was never stored, or pictures are missing.
        """
        wanted = range(*arm.seeds) if seeds is None else seeds
        return pictures_of(self, arm.spec, self.prompts, wanted)

    @property
    def intervention(self) -> Intervention:
        """The mitigation: directions, strengths and measured effect.

        Raises
        ------
        FileError
            If the result was never stored, or the file is missing or damaged.
        """
        return Intervention.from_bytes(kept_in(self).read_file(self.file), self.file)

    def files(self) -> tuple[str, ...]:
        """Return the files of the mitigation and of the directions."""
        return (self.file, *(one.learned.file for one in self.attributes))

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures of every set."""
        return [
            (arm.spec, prompt, seed)
            for arm in self.arms
            for prompt in self.prompts
            for seed in range(*arm.seeds)
        ]

    def _repr_html_(self) -> str:
        told = [_calibrated(one.calibration) for one in self.attributes]
        joint = "" if self.joint is None else f"the sum: {_calibrated(self.joint)}"
        return notebooks.mitigation(
            self.arms, self.attributes, told, joint, self.prompts, self.store
        )

    def __str__(self) -> str:
        """Return a table for each attribute, with every arm and recogniser."""
        return "\n\n".join(self._table(one) for one in self.attributes)

    def _table(self, one: Mitigated) -> str:
        name, towards = one.learned.attribute, one.learned.towards
        prompts = self.prompts[0] if len(self.prompts) == 1 else f"{len(self.prompts)} prompts"
        lines = [
            f"{prompts!r}, {one.learned.title}: step {one.learned.step}, strength "
            f"{one.strength:.2f} towards {towards!r}{_local(one.learned)}, n = {self.arms[0].n}",
            f"target: {one.target}",
            f"  {'initial noise':<26}{'seen by':<12}{towards:>10}{'interval':>15}"
            f"{'unknown':>9}{'DR':>6}{'interval':>15}{'kept':>6}",
        ]
        for arm in self.arms:
            if arm.attribute not in (None, name):
                continue
            for view in arm.views:
                figures = view.of(name)
                if figures is None:
                    continue
                share, ratio = figures.shares[towards], figures.deviation_ratio
                kept = "" if view.concept_kept is None else f"{view.concept_kept.value:.2f}"
                lines.append(
                    f"  {arm.name:<26}{view.role:<12}{share.value:>10.2f}"
                    f"{f'[{share.low:.2f}, {share.high:.2f}]':>15}{figures.unknown.value:>9.2f}"
                    f"{ratio.value:>6.2f}{f'[{ratio.low:.2f}, {ratio.high:.2f}]':>15}{kept:>6}"
                )
        lines.append("  " + _calibrated(one.calibration))
        joint = self.joint if one is self.attributes[-1] else None
        if joint is not None:
            lines.append("  the sum: " + _calibrated(joint))
        shown = [arm for arm in self.arms if arm.role == "single" and arm.attribute == name]
        shown += [arm for arm in self.arms if arm.role == "sum" and joint]
        return "\n".join([*lines, *_besides(shown)])


def _local(learned: Learned) -> str:
    local = learned.local
    return f", local ({local.cells} of {local.of} cells)" if local else ""


def _besides(arms: Sequence[Arm]) -> list[str]:
    """Return lines on the other attributes: their change, and what the groups bring of it."""
    lines = [
        f"  {arm.name:<26}{change.role:<12}{f'{spaced(row.attribute)}: {row.group}':<22}"
        f"{f'{number(row.before)} -> {number(row.after)}':>14}{number(row.expected.share):>10}"
        f"{signed(row.expected.difference):>8}"
        f"{f'[{signed(row.expected.low)}, {signed(row.expected.high)}]':>17}  {row.expected}"
        for arm in arms
        for change in arm.changes
        for row in change.spillover
        if row.expected is not None
    ]
    head = (
        f"  {'what else changed':<26}{'seen by':<12}{'share of':<22}{'plain -> now':>14}"
        f"{'expected':>10}{'beyond':>8}{'interval':>17}"
    )
    return [head, *lines] if lines else []


def _calibrated(found: Calibration) -> str:
    """Return the shares that a calibration reached and what stopped it."""
    reached = ", ".join(
        f"{spaced(one.attribute)} {one.share.value:.2f} [{one.share.low:.2f}, {one.share.high:.2f}]"
        for one in found.reached
    )
    why = {
        "once": "one round, not refined",
        "precision": f"within {found.precision} of the target",
        "concept": "limited: a larger strength would lose the concept",
        "range": "limited: no larger strength was tried",
        "response": "no strength tried moves the share",
        "unneeded": "no steering is needed",
        "budget": "the picture budget was used up",
    }[found.stopped_by]
    took = f"{number_of(found.pictures, 'picture')} in {number_of(found.rounds, 'round')}"
    pictures = f", {took}" if found.rounds else ""
    if not reached:
        return f"calibrated from the shares at other strengths: {why}{pictures}"
    return f"calibrated to {reached} ({found.confidence:.0%} interval): {why}{pictures}"
