"""Page content for a `MitigationResult`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab import drawing
from trimtab.drawing.words import group_label, listed, percent, percents, sigmas, spaced
from trimtab.metrics import Figures
from trimtab.report import sentences, tables
from trimtab.report.arms import Subject, arm_of, by_role
from trimtab.report.pictures import galleries
from trimtab.statistics import Response
from trimtab.workflows.notebooks import named
from trimtab.workflows.records import Arm
from trimtab.workflows.results import MitigationResult

JUDGES = {
    "recogniser": "Recogniser, used for decisions",
    "oracle": "Oracle, not used for decisions",
}


def mitigation(result: MitigationResult, name: str) -> dict[str, Any]:
    """Return the page content for a result; `name` is the prefix of its ids."""
    subjects = [Subject(result, one) for one in result.attributes]
    return {
        "kind": "mitigation",
        "id": name,
        "title": sentences.quoted(result.prompts),
        "prompts": result.prompts,
        "cards": [_card(one, f"{name}-{i}") for i, one in enumerate(subjects, start=1)],
        "galleries": galleries(result),
        "sections": [_section(one, f"{name}-{i}") for i, one in enumerate(subjects, start=1)],
        "together": _together(result, subjects),
        "by_prompt": [
            (subject.before.title, tables.by_prompt(
                [(arm.label, arm.by_prompt) for arm in subject.arms], subject.attribute,
                result.prompts))
            for subject in subjects
        ],
    }  # fmt: skip


def _card(subject: Subject, name: str) -> dict[str, Any]:
    arm = arm_of(subject.result, "sum") or subject.steered  # what the mitigation's file applies
    found = [subject.before, *filter(None, [subject.figures(arm)])]
    shown = [figures.shares[subject.group] for figures in found]
    return {
        "id": name,
        "title": subject.before.title,
        "shares": [percent(share.value) for share in shown],
        "limits": listed([percents((share.low, share.high)) for share in shown]),
        "level": percent(subject.before.confidence),
        "n": subject.plain.n,
        "steered": "steered by all directions" if arm and arm.role == "sum" else "steered",
        "prompt": sentences.quoted(subject.result.prompts),
        "seen_as": sentences.seen_as(subject.group, subject.before.title),
        "target": sentences.the_target(subject.before),
    }


def _section(subject: Subject, name: str) -> dict[str, Any]:
    one, before, learned = subject.one, subject.before, subject.one.learned
    controls = [arm for arm in subject.arms if arm.role == "random"]
    own = [arm for arm in subject.arms if arm.role != "sum"]
    return {
        "id": name,
        "title": before.title,
        "level": percent(before.confidence),
        "many": len(before.groups) > 2,
        "oracle": "oracle" in subject.roles,
        "beside": one.generic is not None,
        "sentences": [
            said for said in (sentences.headline(subject), sentences.change(subject),
                              sentences.judged(subject), sentences.summed(subject)) if said
        ],
        "target": sentences.the_target(before),
        "notices": list(sentences.notices(subject)),
        "shares": _shares(subject),
        "unknown": listed([
            f"{percent(figures.unknown.value)} ({arm.label})"
            for arm, role, figures in subject.seen() if role == "recogniser"
        ]),
        "share_table": tables.shares(subject),
        "change_table": tables.changes(subject),
        "towards": sentences.shown(learned.towards),
        "strength": sigmas(one.strength),
        "reached": sentences.reached(one.calibration, subject),
        "ended": sentences.ended(one.calibration),
        "dose": _dose(subject, one.response, one.strength, "dose and response"),
        "generic": _dose(subject, one.generic.response, None, "generic SVM")
        if one.generic and one.generic.response else None,
        "spillover": _spillover(own, before.title),
        "controls": _controls(subject, controls),
        "deviation": drawing.deviation(
            _rows(subject), title=f"Deviation ratio of {before.title}"),
        "deviation_table": tables.deviation(subject),
        "accuracy": drawing.accuracy(
            learned.accuracies, learned.step, one.generic.learned.accuracies if one.generic else (),
            title=f"Cross-validated accuracy by step, {before.title}",
        ) if learned.accuracies else "",
        "accuracy_table": tables.accuracy(learned, one.generic.learned if one.generic else None),
        "direction": tables.direction(learned, one),
        "preservation": tables.preservation(subject.arms),
    }  # fmt: skip


def _shares(subject: Subject) -> list[tuple[str, Any]]:
    return [
        (
            JUDGES[role],
            drawing.shares(
                [(arm.label, figures) for arm, r, figures in subject.seen() if r == role],
                subject.before.target.shares,
                title=f"{subject.before.title}, {role}",
            ),
        )
        for role in subject.roles
    ]


def _rows(subject: Subject) -> list[tuple[str, dict[str, Any]]]:
    rows: dict[str, dict[str, Any]] = {}
    for arm, role, figures in subject.seen():
        rows.setdefault(arm.label, {})[role] = figures.deviation_ratio
    return list(rows.items())


def _dose(
    subject: Subject, response: Response, strength: float | None, title: str
) -> dict[str, Any]:
    towards, most = subject.one.learned.towards, max(dose.strength for dose in response.doses)
    counts = [dose.n for dose in response.doses]
    return {
        "figure": drawing.dose_response(
            response, towards, subject.before.groups, strength,
            confidence=subject.before.confidence, title=f"{subject.before.title}, {title}",
        ),
        "table": tables.doses(response, towards),
        "n_plain": counts[0],
        "n": " or ".join(map(str, sorted(set(counts[1:])))),
        "target": percent(response.target),
        "least_kept": percent(round(response.least_kept, 3)),
        "limit": sigmas(response.limit) if response.limit < most - 1e-9 else None,
        "judged": bool(response.judged),
    }  # fmt: skip


def _spillover(arms: Sequence[Arm], title: str) -> dict[str, Any] | None:
    """Return the side effects: a figure of the first steered arm and a table of all arms."""
    table = tables.spillover(arm for arm in arms if arm.role != "plain")
    drawn = [arm for arm in arms if arm.role in ("single", "sum") and arm.changes]
    rows: dict[str, dict[str, Any]] = {}
    for arm in drawn[:1]:
        for role, change in by_role(arm.changes).items():
            for row in change.spillover:
                rows.setdefault(row.attribute, {})[role] = row
    if not rows:
        return None
    margin = next(iter(next(iter(rows.values())).values())).margin
    named = [
        (spaced(name), listed(sorted({group_label(one.group) for one in roles.values()})), roles)
        for name, roles in rows.items()
    ]
    figure = drawing.differences(named, margin=margin, title=f"What else changed, {title}")
    return {
        "figure": figure,
        "table": table,
        "margin": f"{100 * margin:.0f}",
        "expected": tables.expected(drawn),
        "named": any(
            row.expected.named
            for arm in drawn
            for change in arm.changes
            for row in change.spillover
            if row.expected
        ),
    }


def _controls(subject: Subject, arms: Sequence[Arm]) -> dict[str, Any] | None:
    towards = subject.one.learned.towards
    shown = [*filter(None, [subject.steered]), *arms]
    rows: list[tuple[str, str, dict[Any, Any]]] = []
    for arm in shown:
        found = {r: row for r in subject.roles if (row := subject.row(arm, towards, r))}
        if found:
            rows.append(("learned" if arm is subject.steered else arm.label, "", found))
    random = [roles for name, _, roles in rows if name != "learned"]
    if not random:
        return None
    return {
        "figure": drawing.differences(rows, title=f"Random directions, {subject.before.title}"),
        "table": tables.controls(subject, shown),
        "n": len(random),
        "clear": all(row.low <= 0 <= row.high for roles in random for row in roles.values()),
    }


def _together(result: MitigationResult, subjects: Sequence[Subject]) -> dict[str, Any] | None:
    """Return the content on all attributes together: the sum and the intersections."""
    arm, plain = arm_of(result, "sum"), subjects[0].plain
    crossed = _intersections(
        [one for one in result.arms if one.role in ("plain", "adjusted", "single", "sum")]
    )
    if arm is None and not crossed:
        return None
    spilled = _spillover([arm], "sum of directions") if arm else None
    return {
        "strengths": sentences.strengths(result),
        "reached": [
            (subject.before.title, sentences.reached(result.joint, subject))
            for subject in subjects
        ] if result.joint and result.joint.reached else [],
        "ended": sentences.ended(result.joint) if result.joint else "",
        "spillover": spilled,
        "intersections": crossed,
        "oracle": "oracle" in by_role(plain.views),
        "sum": arm is not None,
    }  # fmt: skip


def _intersections(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    found: dict[str, list[tuple[Arm, str, Figures]]] = {}
    for arm in arms:
        for role, view in by_role(arm.views).items():
            for figures in view.intersections:
                found.setdefault(figures.attribute, []).append((arm, role, figures))
    return [
        {
            "title": rows[0][2].title,
            "target": sentences.the_target(rows[0][2]),
            "level": percent(rows[0][2].confidence),
            "figures": [
                (JUDGES[role], figure)
                for role in dict.fromkeys(role for _, role, _ in rows)
                if (figure := _crossed(rows, role))
            ],
            "table": tables.intersection([(named(arm), role, one) for arm, role, one in rows]),
        }
        for rows in found.values()
    ]


def _crossed(rows: Sequence[tuple[Arm, str, Figures]], role: str) -> Any:
    """Return a drawing of plain and the sum, or of plain and the last arm."""
    seen = [(arm.label, figures) for arm, r, figures in rows if r == role]
    title = f"{seen[0][1].title}, {role}"
    ends = [seen[0], *seen[1:][-1:]]
    return drawing.shares(ends, seen[0][1].target.shares, title=title)
