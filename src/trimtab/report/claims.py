"""What the panels say about the paper's claims: a sentence and a table for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.drawing import Table
from trimtab.drawing.words import (
    NONE,
    group_label,
    listed,
    number,
    number_of,
    percent,
    points,
    points_span,
    sigmas,
    spaced,
)
from trimtab.report.tables import with_interval
from trimtab.statistics import Share
from trimtab.workflows.panel_records import Added, Carried, GridShare, PanelOutcome
from trimtab.workflows.panels_result import NEAR, final, judged_by
from trimtab.workflows.records import Arm, Role
from trimtab.workflows.results import MitigationResult, PanelsResult

GENERIC = "prompts of the groups alone (SVM)"


@dataclass(frozen=True)
class Claim:
    """A claim or a question, and what was measured.

    Attributes
    ----------
    claim : str
        What the paper says, or what its readers ask.
    answer : str
        What was measured, as a sentence.
    table : Table
        The figures.
    note : str
        How to read them.
    """

    claim: str
    answer: str
    table: Table
    note: str = ""


def claims(result: PanelsResult) -> list[Claim]:
    """Return the claims that the panels allow to check."""
    found = (
        _steps(result),
        _sums(result),
        _carries(result),
        _untouched(result),
        _listens(result),
        _elsewhere(result),
    )
    return [one for one in found if one is not None]


def share_of(arm: Arm, role: Role, attribute: str, group: str) -> Share | None:
    """Return the share of a group among an arm's known pictures; None if nobody knows it."""
    view = judged_by(arm, role, attribute)
    figures = view.of(attribute) if view else None
    return figures.known_share(group) if figures else None


def kept_of(arm: Arm, role: Role) -> Share | None:
    """Return the share of pictures that keep the concept; None if it was not judged."""
    view = arm.view(role)
    return view.concept_kept if view else None


def shown_of(result: MitigationResult) -> Iterator[tuple[str, str, float]]:
    """Yield attribute, group and target share of each mitigated attribute."""
    for one in result.attributes:
        name, towards = one.learned.attribute, one.learned.towards
        yield name, towards, one.target.shares[towards]


def reached(result: MitigationResult, arm: Arm, role: Role) -> bool:
    """Return whether every share of an arm is near its target."""
    for name, group, wanted in shown_of(result):
        share = share_of(arm, role, name, group)
        if share is None or abs(share.value - wanted) > NEAR + 1e-9:
            return False
    return True


def _steps(result: PanelsResult) -> Claim | None:
    seen: list[tuple[PanelOutcome, GridShare]] = [
        (panel, one) for panel in result.panels for one in panel.grid.shares if one.step is not None
    ]
    if not seen:
        return None
    parts = [(one.step.value, one.weight.value) for _, one in seen if one.step and one.weight]
    varying = np.array([pair for pair in parts if np.isfinite(pair).all()]).reshape(-1, 2)
    rows = [
        [f"{panel.prompt}: {group_label(one.towards)}",
         *(_part(part) for part in (one.step, one.weight, one.interaction))]
        for panel, one in seen
    ]  # fmt: skip
    grid, run = result.panels[0].grid, result.settings["num_inference_steps"]
    extent = (
        f"this grid (steps {grid.steps[0]} to {grid.steps[-1]} of {run}, weights "
        f"{grid.weights[0]:g} to {grid.weights[-1]:g} σ)"
    )
    if len(varying):
        step, weight = varying.mean(0)
        more = int((varying[:, 0] > varying[:, 1]).sum())
        answer = (
            f"Over {extent}, the step explains {percent(float(step))} of the variance of the share "
            f"on average, and the weight {percent(float(weight))}; the step explains more in "
            f"{more} of {len(varying)} shares that the grid moves."
        )
    else:
        answer = f"Over {extent}, no share varies by more than sampling explains."
    table = Table(
        "Parts of the variance over the grid, with bootstrap intervals over the seeds",
        ["share", "step", "weight", "only together"],
        rows,
    )
    return Claim(
        "The step at which a direction is learned matters more than its weight.",
        answer,
        table,
        "Such parts depend on the range of the grid: a wider range of weights gives the weight a "
        "larger part.",
    )


def _part(one: object) -> str:
    value, low, high = (getattr(one, name) for name in ("value", "low", "high"))
    if not np.isfinite(value):
        return NONE
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def _sums(result: PanelsResult) -> Claim | None:
    if not result.added:
        return None
    rows = [
        [f"{one.panel}", one.role, with_interval(one.plain), with_interval(one.steered),
         percent(one.predicted),
         f"{points(one.excess.value)} ({points_span(one.excess.low, one.excess.high)})",
         number(one.cosine)]
        for one in result.added
    ]  # fmt: skip
    known = {one.role for one in result.added}
    mine = [one for one in result.added if one.role == (result.judge if result.judge in known
                                                        else "recogniser")]  # fmt: skip
    found = [
        f"In “{one.panel}”, {percent(one.steered.value)} of the pictures show both groups once "
        f"both directions are added to the noise, and {percent(one.plain.value)} before. "
        f"If the two were independent, it would be {percent(one.predicted)}: {_together(one)}."
        for one in mine
    ]
    return Claim(
        "Directions add up.",
        " ".join(found),
        Table(
            "Pictures that show both groups",
            ["panel", "judged by", "plain", "sum of directions", "if independent",
             "difference in points", "cosine"],
            rows,
        ),
    )  # fmt: skip


def _together(one: Added) -> str:
    if one.excess.high < 0:
        return "the two come together less often"
    if one.excess.low > 0:
        return "the two come together more often"
    return "no difference is shown"


def _carries(result: PanelsResult) -> Claim | None:
    role = result.judge
    rows: list[list[str]] = []
    ways: list[tuple[float, float]] = []

    def add(on: str, to: str, group: str, strength: float, *shown: Share | None) -> None:
        before, after, kept = shown
        assert before is not None
        rows.append([on, to, group_label(group), sigmas(strength), percent(before.value),
                     with_interval(after), with_interval(kept)])  # fmt: skip

    for panel in result.panels:
        arms = {arm.role: arm for arm in reversed(panel.mitigation.arms)}
        if len(panel.mitigation.attributes) > 1:
            continue
        ((name, group, wanted),) = shown_of(panel.mitigation)
        strength = panel.mitigation.attributes[0].strength
        before = share_of(arms["plain"], role, name, group)
        learned_on: dict[Any, str] = {"single": panel.prompt, "generic": GENERIC}
        for kind, on in learned_on.items():
            after = share_of(arms[kind], role, name, group) if kind in arms else None
            if before is None or after is None:
                continue
            add(on, panel.prompt, group, strength, before, after, kept_of(arms[kind], role))
            if kind == "generic":
                ways.append(_way(before, after, wanted))
    for one in result.transfers:
        seen = _by(role, one.judged)
        add(one.learned_on, one.applied_to, one.towards, one.strength, seen.before, seen.after,
            seen.concept_kept)  # fmt: skip
        ways.append(_way(seen.before, seen.after, one.target))
    if not ways:
        return None
    closer = sum(after < before for before, after in ways)
    far = [points(float(np.mean(side))).lstrip("+") for side in zip(*ways, strict=True)]
    return Claim(
        "Directions carry over to prompts that they were not learned on.",
        f"Of {number_of(len(ways), 'direction')} applied to a prompt that they were not learned "
        f"on, {closer} brought the share closer to its target; its mean distance went from "
        f"{far[0]} to {far[1]} points.",
        Table(
            f"Shares by the {role}; each direction at the strength of the panel that it is from",
            ["learned on", "applied to", "share of", "strength", "plain", "steered",
             "concept kept"],
            rows,
        ),
    )  # fmt: skip


def _way(before: Share, after: Share, wanted: float) -> tuple[float, float]:
    """Return the distance from the target before and after."""
    return abs(before.value - wanted), abs(after.value - wanted)


def _by(role: Role, judged: Sequence[Carried]) -> Carried:
    """Return what a role saw; what the recogniser saw, if the role does not know the attribute."""
    found = {one.role: one for one in judged}
    return found.get(role) or found["recogniser"]


def _untouched(result: PanelsResult) -> Claim | None:
    role = result.judge
    done = [p for p in result.panels if reached(p.mitigation, final(p.mitigation), role)]
    missed = [panel.title for panel in result.panels if panel not in done]
    answer = (
        f"With the noise alone, {len(done)} of {len(result.panels)} panels come within "
        f"{points(NEAR).lstrip('+')} points of their target"
        + (f" (not {listed([f'“{title}”' for title in missed])})" if missed else "")
        + "."
    )
    rows, said = [], [answer]
    for panel in result.panels:
        adjusted = panel.adjusted
        if adjusted is None:
            continue
        ((name, group, _),) = shown_of(panel.mitigation)
        where = "after the words" if adjusted.where == "after" else "of all tokens"
        arms = [
            ("plain", panel.mitigation.arms[0]),
            ("direction alone", final(panel.mitigation)),
            (f"shift alone, {adjusted.strength:g}, {where}", adjusted.arm),
        ]
        if adjusted.both is not None:
            arms.append(("direction with half the shift", final(adjusted.both)))
        shown = []
        for label, arm in arms:
            share, psnr = share_of(arm, role, name, group), _psnr(arm)
            rows.append([panel.prompt, label, group_label(group), with_interval(share),
                         with_interval(kept_of(arm, role)), psnr])  # fmt: skip
            if share is not None:
                shown.append(f"{percent(share.value)} ({label.partition(',')[0]})")
        said.append(f"“{panel.prompt}” shows {group_label(group)} in {listed(shown)}.")
    return Claim(
        "It suffices to change the noise; the prompt's embeddings can stay as they are.",
        " ".join(said),
        Table(
            f"What an adjustment of the prompt's embeddings adds, by the {role}",
            ["prompt", "pictures", "share of", "share", "concept kept", "PSNR to plain, dB"],
            rows,
        ),
    )


def _psnr(arm: Arm) -> str:
    psnr = arm.preservation.psnr if arm.preservation else None
    return number(psnr.value, 1) if psnr else NONE


def _listens(result: PanelsResult) -> Claim | None:
    found = result.sensitivity
    if found is None:
        return None
    seeds = found.seeds[1] - found.seeds[0]
    return Claim(
        "Does the model listen to its noise?",
        found.effect.sentence(),
        found.effect.table(),
        f"{len(found.prompts)} paraphrases of “{found.prompts[0]}” with {seeds} seeds each. "
        + " ".join(found.effect.remarks()),
    )


def _elsewhere(result: PanelsResult) -> Claim | None:
    if not result.elsewhere:
        return None
    role, panel = result.judge, result.panels[0]
    steered = final(panel.mitigation)
    rows = []
    for name, group, _ in shown_of(panel.mitigation):
        rows.append(["as calibrated", group_label(group),
                     with_interval(share_of(panel.mitigation.arms[0], role, name, group)),
                     with_interval(share_of(steered, role, name, group)),
                     with_interval(kept_of(steered, role))])  # fmt: skip
    holds = 0
    targets = {name: wanted for name, _, wanted in shown_of(panel.mitigation)}
    for one in result.elsewhere:
        setting = f"{spaced(one.setting)} {one.changed:g} instead of {one.usual:g}"
        found = _by(role, one.judged)
        rows.append([setting, group_label(one.towards), with_interval(found.before),
                     with_interval(found.after), with_interval(found.concept_kept)])  # fmt: skip
        holds += abs(found.after.value - targets[one.attribute]) <= NEAR + 1e-9
    return Claim(
        "Does a direction hold at other settings than those it was calibrated at?",
        f"With the mitigation of “{panel.prompt}” left as it is, {holds} of "
        f"{len(result.elsewhere)} shares at other settings come within "
        f"{points(NEAR).lstrip('+')} points of the target.",
        Table(
            f"The mitigation of “{panel.prompt}” at other settings, by the {role}",
            ["setting", "share of", "plain", "steered", "concept kept"],
            rows,
        ),
        "Elsewhere, calibrate again: trimtab remarks on the use of a mitigation at other settings.",
    )
