"""The tables of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trimtab.drawing import Table
from trimtab.drawing.words import (
    NONE,
    group_label,
    number,
    numbers,
    p_value,
    percent,
    percents,
    points,
    points_span,
    sigmas,
    spaced,
)
from trimtab.metrics import Figures, Spillover
from trimtab.report.arms import Subject, by_role
from trimtab.statistics import Estimate, Response, Share
from trimtab.workflows.records import Arm, Learned, Mitigated, View

FIGURES = {
    "deviation_ratio": "deviation ratio",
    "fairness_discrepancy": "FD, soft distance from the target",
    "kl": "KL divergence",
    "entropy": "normalised entropy",
    "spd": "SPD, difference of the two shares",
}


def with_interval(share: Share | None) -> str:
    """Return a share and its interval in one cell."""
    return (
        NONE if share is None else f"{percent(share.value)} ({percents((share.low, share.high))})"
    )


def estimated(one: Estimate | None, digits: int = 2) -> str:
    """Return an estimate and its interval in one cell."""
    if one is None:
        return NONE
    return f"{number(one.value, digits)} ({numbers((one.low, one.high), digits)})"


def shares(subject: Subject) -> Table:
    """Return the shares of every arm, by role."""
    groups = subject.before.groups
    rows = [
        [
            arm.label, role, str(figures.n), *(with_interval(figures.shares[g]) for g in groups),
            with_interval(figures.unknown), with_interval(subject.kept(arm, role)),
        ]
        for arm, role, figures in subject.seen()
    ]  # fmt: skip
    head = ["pictures", "judged by", "N", *map(group_label, groups), "unknown", "concept kept"]
    level = percent(subject.before.confidence)
    return Table(f"Shares of all pictures of each set, with {level} Wilson intervals", head, rows)


def changes(subject: Subject) -> Table:
    """Return the paired changes of every arm, by role."""
    rows = [
        [arm.label, role, str(comparison.n), group_label(row.group),
         f"{points(row.difference)} ({points_span(row.low, row.high)})", p_value(row.p_holm)]
        for arm in subject.arms
        for role in subject.roles
        if (comparison := subject.comparison(arm, role))
        for row in (*comparison.rows, comparison.unknown)
    ]  # fmt: skip
    head = ["against plain", "judged by", "pairs", "share of", "change in points", "p"]
    return Table("Change of the shares, paired by seed (Tango intervals, McNemar)", head, rows)


def doses(response: Response, towards: str) -> Table:
    """Return the counts at every strength."""
    rows = [
        [number(dose.strength, 2), role,
         *map(str, (dose.n, dose.known, dose.towards, dose.kept))]
        for role, found in (("recogniser", response.doses), ("oracle", response.judged))
        for dose in found
    ]  # fmt: skip
    head = ["strength in σ", "judged by", "pictures", "known", group_label(towards), "concept kept"]
    return Table("Counts at every strength, on calibration seeds", head, rows)


def spillover(arms: Iterable[Arm]) -> Table:
    """Return the changes of other attributes in some arms."""
    found = [
        (arm.label, role, row)
        for arm in arms
        for role, change in by_role(arm.changes).items()
        for row in change.spillover
    ]
    within = {f"within ± {points(row.margin).lstrip('+')} points" for *_, row in found}
    head = ["pictures", "attribute", "judged by", "pairs", "share of", "before → after", "change",
            "interval", "p (Holm)", " or ".join(sorted(within))]  # fmt: skip
    rows = [_spilled(*one) for one in found]
    return Table("Every other attribute, paired by seed, changes in points", head, rows)


def _spilled(arm: str, role: str, row: Spillover) -> list[str]:
    return [
        arm, spaced(row.attribute), role, str(row.n), group_label(row.group),
        f"{percent(row.before)} → {percent(row.after)}", points(row.difference),
        points_span(row.low, row.high), p_value(row.p_holm),
        "equivalent" if row.equivalent else "not shown",
    ]  # fmt: skip


def expected(arms: Iterable[Arm]) -> Table:
    """Return the shares of other attributes as expected from the groups' own rates, and as seen."""
    rows = [
        [arm.label, spaced(row.attribute), role, group_label(row.group), percent(one.seen),
         percent(one.share), points(one.difference), points_span(one.low, one.high), str(one)]
        for arm in arms
        for role, change in by_role(arm.changes).items()
        for row in change.spillover
        if (one := row.expected)
    ]  # fmt: skip
    head = ["pictures", "attribute", "judged by", "share of", "seen", "expected",
            "beyond, in points", "interval", "reading"]  # fmt: skip
    title = "Other attributes as the groups alone would change them, and as seen"
    return Table(title, head, rows)


def controls(subject: Subject, arms: Sequence[Arm]) -> Table:
    """Return the effect of random directions on the group that the learned one points to."""
    towards = subject.one.learned.towards
    rows = [
        ["learned" if arm is subject.steered else arm.label, role, points(row.difference),
         points_span(row.low, row.high), "yes" if row.low <= 0 <= row.high else "no"]
        for arm in arms
        for role in subject.roles
        if (row := subject.row(arm, towards, role))
    ]  # fmt: skip
    head = ["direction", "judged by", "change in points", "interval", "contains 0"]
    return Table(f"Share of {group_label(towards)} against plain, at the same strength", head, rows)


def deviation(subject: Subject) -> Table:
    """Return the deviation ratio of every arm, a column per role."""
    seen: dict[str, dict[str, Figures]] = {}
    for arm, role, figures in subject.seen():
        seen.setdefault(arm.label, {})[role] = figures
    rows = []
    for name, roles in seen.items():
        ratios = [roles[role].deviation_ratio if role in roles else None for role in subject.roles]
        floors = dict.fromkeys(number(one.noise_floor) for one in ratios if one)
        counts = dict.fromkeys(str(figures.n_known) for figures in roles.values())
        rows.append([name, *map(estimated, ratios), " / ".join(floors), " / ".join(counts)])
    level = percent(subject.before.confidence)
    return Table(
        f"Deviation ratio over the known pictures, with {level} intervals",
        ["pictures", *subject.roles, "noise floor", "known"],
        rows,
    )


def preservation(arms: Iterable[Arm]) -> Table:
    """Return how close the pictures of some arms are to the plain ones."""
    rows = [
        [arm.label, estimated(kept.psnr, 1), estimated(kept.cosine, 3), percent(kept.identical)]
        for arm in arms
        if (kept := arm.preservation)
    ]
    head = ["pictures", "PSNR in dB", "cosine of image embeddings", "identical"]
    return Table("Similarity to the plain picture of the same seed, mean and interval", head, rows)


def accuracy(learned: Learned, generic: Learned | None) -> Table:
    """Return the accuracy of a direction by step."""
    rows = [
        [who, str(one.step), percent(round(one.accuracy, 3)),
         points(one.standard_error).lstrip("+")]
        for who, found in (("learned", learned), ("generic SVM", generic))
        if found
        for one in found.accuracies
    ]  # fmt: skip
    head = ["direction", "step", "accuracy", "standard error in points"]
    return Table("Cross-validated accuracy by step", head, rows)


def direction(learned: Learned, one: Mitigated | None = None) -> Table:
    """Return the properties of a direction as pairs."""
    rows = [["pointing to", f"“{learned.towards}”"]]
    if one:
        rows.append(["strength", sigmas(one.strength)])
    rows.append(["estimator", learned.estimator])
    if learned.on:
        rows.append(["learned on", ", ".join(learned.on)])
    rows.append(["learned after step", str(learned.step)])
    rows.append(["seeds", span(learned.seeds)])
    if learned.local:
        local = learned.local
        kept = f"{local.cells} of {local.of}, with {percent(local.energy)} of its energy"
        rows.append(["cells kept", kept])
    if learned.kept < 1:
        rows.append(["length left after orthogonalisation", percent(round(learned.kept, 3))])
    rows += [
        [f"cosine with {spaced(other)}, as learned", number(cosine)]
        for other, cosine in sorted(learned.cosines.items())
    ]
    rows += [
        [f"cosine with {spaced(other)}, as applied", number(cosine)]
        for other, cosine in sorted(learned.applied.items())
    ]
    if one and one.generic:
        rows.append(["cosine with the generic SVM", number(one.generic.cosine)])
        rows.append(["generic SVM learned after step", str(one.generic.learned.step)])
    rows.append(["file", learned.file])
    if one and one.generic:
        rows.append(["file of the generic SVM", one.generic.learned.file])
    return Table("The direction", [], rows)


def span(seeds: tuple[int, int]) -> str:
    """Return a range of seeds in words, both ends included."""
    return f"{seeds[0]:,} to {seeds[1] - 1:,}"


def whole(figures: Figures) -> tuple[Table, Table]:
    """Return the tables of one attribute: shares, then figures over the known pictures."""
    level = f"{percent(figures.confidence)} interval"
    wanted = figures.target.shares
    rows = [
        [group_label(name), percent(share.value), percents((share.low, share.high)),
         percent(wanted.get(name)), f"{share.count:.0f}"]
        for name, share in _ordered(figures).items()
    ]  # fmt: skip
    if figures.no_face:
        rows.append(["of these without a face found", NONE, NONE, NONE, str(figures.no_face)])
    named = {FIGURES[key]: getattr(figures, key) for key in FIGURES} | dict(
        sorted(figures.own.items())
    )
    values = [
        [name, number(one.value, 3), numbers((one.low, one.high), 3), number(one.noise_floor, 3)]
        for name, one in named.items()
        if one is not None
    ]
    return (
        Table(f"Shares of all {figures.n} pictures",
              ["group", "share", level, "target", "pictures"], rows),
        Table(f"Over the {figures.n_known} known pictures",
              ["figure", "value", level, "noise floor"], values),
    )  # fmt: skip


def _ordered(figures: Figures) -> dict[str, Share]:
    return {g: figures.shares[g] for g in figures.groups} | {"unknown": figures.unknown}


def intersection(rows: Sequence[tuple[str, str, Figures]]) -> Table:
    """Return the shares of an intersection, from rows of (label, role, figures)."""
    groups = rows[0][2].groups
    cells = [[name, role, *_measured(one, groups)] for name, role, one in rows]
    head = ["pictures", "judged by", "N", *groups, "unknown", "deviation ratio", "noise floor"]
    level = percent(rows[0][2].confidence)
    return Table(f"Shares of all pictures, with {level} intervals", head, cells)


def _measured(figures: Figures, groups: Sequence[str]) -> list[str]:
    """Return the cells N, shares by group, unknown, deviation ratio and noise floor."""
    return [
        str(figures.n), *(with_interval(figures.shares[g]) for g in groups),
        with_interval(figures.unknown), estimated(figures.deviation_ratio),
        number(figures.deviation_ratio.noise_floor),
    ]  # fmt: skip


def ranking(rows: Sequence[tuple[str, Figures]]) -> Table:
    """Return the shares of each subject or prompt, in the order given."""
    groups = rows[0][1].groups if rows else ()
    head = ["", "N", *map(group_label, groups), "unknown", "deviation ratio", "noise floor"]
    return Table("Ranking", head, [[label, *_measured(one, groups)] for label, one in rows])


def by_prompt(
    sets: Sequence[tuple[str, Mapping[str, Sequence[View]]]],
    attribute: str,
    prompts: Sequence[str],
) -> Table:
    """Return the shares of an attribute by prompt, from sets of (label, views by prompt)."""
    found = [
        (prompt, name, role, figures)
        for prompt in prompts
        for name, views in sets
        for role, view in by_role(views.get(prompt, ())).items()
        if (figures := view.of(attribute))
    ]
    groups = found[0][3].groups if found else ()
    rows = [
        [prompt, name, role, *_measured(figures, groups)] for prompt, name, role, figures in found
    ]
    head = ["prompt", "pictures", "judged by", "N", *map(group_label, groups), "unknown",
            "deviation ratio", "noise floor"]  # fmt: skip
    return Table("Prompt by prompt", head, rows)
