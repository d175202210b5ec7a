"""Page content for an `AuditResult`, a `SensitivityResult` and a `LearnResult`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab import drawing
from trimtab.drawing.words import percent, spaced
from trimtab.metrics import Figures
from trimtab.report import sentences, tables
from trimtab.report.arms import by_role
from trimtab.report.pictures import grid, sheets
from trimtab.workflows.records import View
from trimtab.workflows.results import AuditResult, LearnResult, SensitivityResult


def audit(result: AuditResult, name: str) -> dict[str, Any]:
    """Return the page content for an audit; `name` is the prefix of its ids."""
    views = by_role(result.views)
    attributes = list(dict.fromkeys(one.attribute for v in views.values() for one in v.figures))
    return {
        "kind": "audit",
        "id": name,
        "title": _title(result),
        "prompts": result.prompts,
        "frames": [one for view in views.values() for one in frames(view)],
        "agreements": [
            {
                "title": one.title,
                "sentences": one.sentences(),
                "table": one.table() if one.n_known else "",
            }
            for one in result.agreements
        ],
        "whole": [(role, _whole(view)) for role, view in views.items() if _whole(view)],
        "rankings": list(_rankings(result)),
        "by_prompt": [
            (
                spaced(attribute),
                tables.by_prompt([("all", result.by_prompt)], attribute, result.prompts),
            )
            for attribute in attributes
        ],
        "seeds": result.seed_effect.sentence() if result.seed_effect else "",
        "sheets": sheets(result),
        "files": result.file_facts(),
        "missed": result.missed,
    }


def _title(result: AuditResult) -> str:
    if result.prompts:
        return sentences.quoted(result.prompts)
    return sentences.in_folders([result.folder]) if result.folder else "a set of pictures"


def _rankings(result: AuditResult) -> Iterator[dict[str, Any]]:
    """Yield the subjects, or prompts, by their deviation from the target, for each attribute."""
    for one in result.views[0].figures if result.by_prompt else ():
        ranked = result.ranking(one.attribute)
        yield {
            "title": one.title,
            "of": "subject" if result.by_subject else "prompt",
            "target": sentences.the_target(one),
            "figure": drawing.deviation(
                [(label, {"recogniser": own.deviation_ratio}) for label, own in ranked],
                title=f"{one.title}, deviation ratio",
            ),
            "table": tables.ranking(ranked),
        }


def frames(view: View) -> list[dict[str, Any]]:
    """Return what the page shows of each attribute and intersection."""
    return [_frame(one, view.role) for one in (*view.figures, *view.intersections)]


def _frame(figures: Figures, role: str) -> dict[str, Any]:
    return {
        "title": figures.title,
        "role": role,
        "recogniser": figures.recogniser,
        "n": figures.n,
        "unknown": percent(figures.unknown.value),
        "level": percent(figures.confidence),
        "target": sentences.the_target(figures),
        "two": len(figures.groups) == 2,
        "figure": drawing.shares(
            [("shares", figures)], figures.target.shares, title=f"{figures.title}, {role}"
        ),
        "tables": tables.whole(figures),
    }


def _whole(view: View) -> list[list[str]]:
    rows = []
    if view.concept_kept:
        rows.append(["concept kept", tables.with_interval(view.concept_kept)])
    if view.alignment:
        rows.append(["alignment of picture and prompt", tables.estimated(view.alignment, 3)])
    return rows


def sensitivity(result: SensitivityResult, name: str) -> dict[str, Any]:
    """Return the page content for a sensitivity analysis."""
    return {
        "kind": "sensitivity",
        "id": name,
        "title": f"“{result.prompts[0]}” and its paraphrases",
        "prompts": result.prompts,
        "sentence": result.effect.sentence(),
        "enough": result.enough,
        "table": result.effect.table(),
        "remarks": result.effect.remarks(),
        "grid": grid(result),
    }


def learning(result: LearnResult, name: str) -> dict[str, Any]:
    """Return the page content for a learned direction."""
    learned = result.learned
    return {
        "kind": "learning",
        "id": name,
        "title": learned.title,
        "prompts": (),
        "accuracy": drawing.accuracy(learned.accuracies, learned.step)
        if learned.accuracies
        else "",
        "accuracy_table": tables.accuracy(learned, None),
        "direction": tables.direction(learned),
    }
