"""The sentences about one mitigated attribute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trimtab.concepts.words import article
from trimtab.drawing.words import (
    PLURALS,
    group_label,
    listed,
    number_of,
    percent,
    percents,
    points,
    points_span,
    sigmas,
    spaced,
)
from trimtab.metrics import Figures
from trimtab.report.arms import Subject, arm_of
from trimtab.workflows.records import Arm, Calibration, Role
from trimtab.workflows.results import MitigationResult

STOPPED = {
    "once": "A single round of calibration was requested.",
    "concept": "Calibration ended because a larger strength would lose the concept.",
    "range": "Calibration ended at the largest strength allowed, without reaching the target.",
    "response": "Calibration ended because no strength tried moved the share.",
    "unneeded": "Calibration ended because the group has its share without steering.",
    "budget": "Calibration ended because its budget of pictures was used up.",
}


def seen_as(group: str, title: str) -> str:
    """Return how pictures of a group were perceived: "as men"."""
    plural = PLURALS.get(group)
    return f"as {plural}" if plural else f"as “{group}” ({title})"


def quoted(prompts: Sequence[str]) -> str:
    """Return a single prompt in quotes, or the number of prompts."""
    return f"“{prompts[0]}”" if len(prompts) == 1 else f"{len(prompts)} prompts"


def in_folders(folders: Sequence[str]) -> str:
    """Return the pictures of folders by name: "the pictures in “staff”"."""
    return f"the pictures in {listed([f'“{Path(one).name or one}”' for one in folders])}"


def shown(group: str) -> str:
    """Return a group as the object of "show": "women", "“darker”"."""
    return PLURALS.get(group, f"“{group}”")


def the_target(figures: Figures) -> str:
    """Return the target of an attribute in words, with its source."""
    target = figures.target
    shares = [f"{percent(round(target[g], 4))} {group_label(g)}" for g in figures.groups]
    return f"{listed(shares)} ({target.source})" if target.source else listed(shares)


def strengths(result: MitigationResult) -> str:
    """Return the strengths of the sum: "3.1 σ for gender and 1.5 σ for skin tone"."""
    every = result.joint.strengths if result.joint else {}
    names = [one.learned.attribute for one in result.attributes]
    return listed([f"{sigmas(every[name])} for {spaced(name)}" for name in names if name in every])


def still(result: MitigationResult) -> str:
    """Return the verb phrase for pictures that keep the concept."""
    concepts = set(result.concepts)
    if len(concepts) != 1 or not (concept := concepts.pop()):
        return "keep the concept"
    return f"still read as {article(concept)} {concept}"


def headline(subject: Subject) -> str:
    """Return the main result as a sentence."""
    result, arm = subject.result, subject.steered
    start = (
        f"Of {number_of(subject.plain.n, 'picture')} of {quoted(result.prompts)}, "
        f"{percent(subject.before.shares[subject.group].value)} were perceived "
        f"{seen_as(subject.group, subject.before.title)}"
    )
    if arm is None or subject.figures(arm) is None:
        return f"{start}."
    how = f"{sigmas(subject.one.strength)} along “{subject.one.learned.towards}”"
    if arm.role == "sum":
        how = f"by the sum of all directions ({strengths(result)})"
    alone = arm_of(result, "adjusted")
    adjusted = f"with the prompt adjusted, {_after(subject, alone)}; " if alone else ""
    also = "also " if alone else ""
    return f"{start}; {adjusted}with the noise {also}moved {how}, {_after(subject, arm)}."


def judged(subject: Subject) -> str:
    """Return the result according to the oracle; empty if it did not judge."""
    before, arm = subject.figures(subject.plain, "oracle"), subject.steered
    if before is None or arm is None or subject.figures(arm, "oracle") is None:
        return ""
    return (
        f"According to the oracle, {percent(before.shares[subject.group].value)} before and "
        f"{_after(subject, arm, 'oracle')}."
    )


def summed(subject: Subject) -> str:
    """Return the effect of the sum of all directions; empty if the headline states it."""
    arm = arm_of(subject.result, "sum")
    if arm is None or arm is subject.steered or subject.figures(arm) is None:
        return ""
    return f"With all directions added up ({strengths(subject.result)}): {_after(subject, arm)}."


def _after(subject: Subject, arm: Arm, role: Role = "recogniser") -> str:
    figures, kept = subject.figures(arm, role), subject.kept(arm, role)
    share = percent(figures.shares[subject.group].value if figures else None)
    share += " after" if role == "oracle" else ""
    return share if kept is None else f"{share}; {percent(kept.value)} {still(subject.result)}"


def change(subject: Subject) -> str:
    """Return the change of the share with its interval."""
    comparison = subject.comparison(subject.steered)
    row = subject.row(subject.steered, subject.group)
    if row is None or comparison is None:
        return ""
    return (
        f"That is a change of {points(row.difference, unit=True)} on the same seeds "
        f"({percent(comparison.confidence)} interval {points_span(row.low, row.high)})."
    )


def reached(calibration: Calibration, subject: Subject) -> str:
    """Return the share of this attribute that calibration reached; "" if it was not measured."""
    return " ".join(
        f"Expected from calibration seeds: {percent(round(one.share.value, 3))} "
        f"{group_label(subject.one.learned.towards)} ({percent(calibration.confidence)} interval "
        f"{percents((one.share.low, one.share.high))}, {one.share.n} pictures), for a target of "
        f"{percent(round(subject.one.response.target, 4))}."
        for one in calibration.reached
        if one.attribute == subject.attribute
    )


def ended(calibration: Calibration) -> str:
    """Return what ended a calibration, and its pictures and rounds."""
    if not calibration.rounds:
        return stopped(calibration)
    pictures, rounds = calibration.pictures, calibration.rounds
    took = f"It took {number_of(pictures, 'picture')} in {number_of(rounds, 'round')}."
    return f"{stopped(calibration)} {took}"


def stopped(calibration: Calibration) -> str:
    """Return what ended a calibration, and the requested precision."""
    if calibration.precision is None:
        return STOPPED[calibration.stopped_by]
    near = f"± {points(calibration.precision).lstrip('+')} points"
    if calibration.stopped_by == "precision":
        return f"Calibration ended because every share is within {near} of its target."
    return f"{STOPPED[calibration.stopped_by]} The requested precision was {near}."


def notices(subject: Subject) -> Iterator[str]:
    """Yield warnings that affect how to read the figures."""
    if subject.one.calibration.stopped_by not in ("once", "precision"):
        yield stopped(subject.one.calibration)
    base = subject.one.response.doses[0]
    loss = base.kept / base.n - subject.one.response.least_kept
    for arm in subject.arms:
        if arm.role not in ("single", "sum"):
            continue
        who = "steered pictures" if arm.role == "single" else "pictures steered by the sum"
        comparison = subject.comparison(arm)
        if comparison and not comparison.unknown_within():
            yield (
                f"{percent(comparison.unknown.after)} of the {who} are unknown, compared with "
                f"{percent(comparison.unknown.before)} of the plain ones. Keep this in mind when "
                "reading the shares."
            )
        for role in subject.roles:
            before, after = subject.kept(subject.plain, role), subject.kept(arm, role)
            if before and after and after.value < before.value - loss - 1e-9:
                yield (
                    f"According to the {role}, {percent(after.value)} of the {who} "
                    f"{still(subject.result)}, compared with {percent(before.value)} of the plain "
                    f"ones: a loss of more than {points(loss).lstrip('+')} points."
                )
