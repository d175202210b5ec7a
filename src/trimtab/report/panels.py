"""Page content for a `PanelsResult`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab import drawing
from trimtab.drawing import Table
from trimtab.drawing.words import NONE, capital, group_label, number, percent, sigmas
from trimtab.report import sentences
from trimtab.report.arms import Subject
from trimtab.report.claims import claims, kept_of, share_of, shown_of
from trimtab.report.pictures import galleries
from trimtab.report.tables import with_interval
from trimtab.statistics import Estimate
from trimtab.workflows.panel_records import Adjusted, Grid, PanelOutcome
from trimtab.workflows.panels_result import final, judged_by, strengths_of
from trimtab.workflows.records import Arm, Role
from trimtab.workflows.results import PanelsResult

FOLDER = "panels"
"""Folder beside the page, with the full report of each panel's mitigation."""


def panels(result: PanelsResult, name: str) -> dict[str, Any]:
    """Return the page content for a result; `name` is the prefix of its ids."""
    return {
        "kind": "panels",
        "id": name,
        "judge": result.judge,
        "n": result.panels[0].mitigation.arms[0].n,
        "table": overview(result, result.judge),
        "other": overview(result, "recogniser") if result.judge == "oracle" else "",
        "claims": claims(result),
        "panels": [_panel(one, f"{name}-{i}") for i, one in enumerate(result.panels, start=1)],
    }


def overview(result: PanelsResult, role: Role) -> Table:
    """Return one row per panel and attribute: before, after, and at which setting."""
    rows = [row for panel in result.panels for row in _rows(panel, role)]
    head = ["panel", "share of", "target", "plain", "steered", "SPD", "DR (floor)",
            "concept kept", "alignment", "PSNR, dB", "step", "weight"]  # fmt: skip
    return Table(
        f"Shares of the known pictures, before and after, by the {role}, with 95 % intervals",
        head,
        rows,
    )


def _rows(panel: PanelOutcome, role: Role) -> Iterator[list[str]]:
    result = panel.mitigation
    plain, steered, strengths = result.arms[0], final(result), strengths_of(result)
    for one, (name, group, wanted) in zip(result.attributes, shown_of(result), strict=True):
        view = judged_by(steered, role, name)
        figures = view.of(name) if view else None
        ratio = figures.deviation_ratio if figures else None
        spd = figures.spd if figures else None
        psnr = steered.preservation.psnr if steered.preservation else None
        yield [
            panel.prompt,
            group_label(group),
            percent(wanted),
            with_interval(share_of(plain, role, name, group)),
            with_interval(share_of(steered, role, name, group)),
            _signed(spd),
            NONE if ratio is None else f"{number(ratio.value)} ({number(ratio.noise_floor)})",
            _both(_kept(plain, role), _kept(steered, role)),
            _both(_alignment(plain), _alignment(steered)),
            number(psnr.value, 1) if psnr else NONE,
            str(one.learned.step),
            sigmas(strengths[name]),
        ]


def _both(before: str, after: str) -> str:
    return NONE if before == after == NONE else f"{before} → {after}"


def _signed(one: Estimate | None) -> str:
    return NONE if one is None else f"{number(one.value)} ({number(one.low)} to {number(one.high)})"


def _kept(arm: Arm, role: Role) -> str:
    kept = kept_of(arm, role)
    return NONE if kept is None else percent(kept.value)


def _alignment(arm: Arm) -> str:
    view = arm.view("recogniser")
    return NONE if view is None or view.alignment is None else number(view.alignment.value, 3)


def _panel(panel: PanelOutcome, name: str) -> dict[str, Any]:
    result = panel.mitigation
    subjects = [Subject(result, one) for one in result.attributes]
    return {
        "id": name,
        "title": capital(panel.title),
        "said": [
            said
            for one in subjects
            for said in (
                sentences.headline(one), sentences.judged(one), sentences.summed(one),
                *sentences.notices(one),
            )
            if said
        ],
        "listed": [_listed(panel, one) for one in subjects if _listed(panel, one)],
        "maps": [figure for one in subjects for figure in _maps(panel.grid, one)],
        "sum": len(subjects) > 1,
        "cell": panel.grid.seeds[1] - panel.grid.seeds[0],
        "gallery": next((one["main"] for one in galleries(result)), ""),
        "report": f"{FOLDER}/{result.name}/report.html",
        "adjusted": _adjusted(panel.adjusted, subjects[0]) if panel.adjusted else None,
    }  # fmt: skip


def _listed(panel: PanelOutcome, subject: Subject) -> str:
    """Return a sentence if the panel went another way than the list says; else empty."""
    if subject.attribute in panel.even:
        wanted = percent(subject.before.target.shares[subject.group])
        return (
            f"The plain shares of {subject.before.title} were nearly equal already, so the target "
            f"is {wanted} {group_label(subject.group)}."
        )
    if panel.listed[subject.attribute] != subject.group:
        return (
            f"The list names “{panel.listed[subject.attribute]}”, but this model shows "
            f"“{subject.group}” too rarely."
        )
    return ""


def _maps(grid: Grid, subject: Subject) -> Iterator[tuple[str, Any]]:
    """Yield caption and drawing of the share and of the concept kept."""
    share = next(one for one in grid.shares if one.attribute == subject.attribute)
    columns = (0.0, *grid.weights)
    chosen = subject.one.learned.step, subject.one.strength
    doses = [[share.plain, *row] for row in share.cells]
    shares = [[dose.share for dose in row] for row in doses]
    # All directions of a sum have the same step and weight in a cell, but not as they were chosen.
    options: dict[str, Any] = {"names": ("step", "weight, σ")}
    options |= {"chosen": chosen} if len(grid.shares) == 1 else {}
    title = f"Share of {group_label(share.towards)}, %"
    yield title, drawing.heat_map(shares, grid.steps, columns, title=title, **options)
    kept = [[dose.kept / dose.n for dose in row] for row in doses]
    title = "Concept kept, %"
    if subject.kept(subject.plain) is not None:
        yield title, drawing.heat_map(kept, grid.steps, columns, title=title, **options)


def _adjusted(adjusted: Adjusted, subject: Subject) -> dict[str, Any]:
    both = adjusted.both
    return {
        "figure": drawing.dose_response(
            adjusted.response, subject.group, subject.before.groups, adjusted.strength,
            confidence=subject.before.confidence, of_noise=False,
            title="Shift of the prompt's embeddings",
        ),
        "where": "of the tokens after the words" if adjusted.where == "after" else "of all tokens",
        "strength": f"{adjusted.strength:g}",
        "gallery": next((one["main"] for one in galleries(both)), "") if both else "",
        "report": f"{FOLDER}/{both.name}/report.html" if both else "",
    }  # fmt: skip
