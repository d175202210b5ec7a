"""What panels say together: whether directions add up, and carry over to other prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from trimtab.interventions import Direction, Intervention
from trimtab.statistics import excess_of_both, wilson
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.panel_records import Added, Carried, PanelOutcome, Transfer
from trimtab.workflows.panels_result import final
from trimtab.workflows.readings import Reading
from trimtab.workflows.records import Mitigated, Role
from trimtab.workflows.study import Study

Done: TypeAlias = Sequence[tuple[Study, PanelOutcome]]


def added_of(study: Study, outcome: PanelOutcome) -> Iterator[Added]:
    """Yield, for every pair of attributes, whether the effects of the directions add up."""
    result, plan = outcome.mitigation, study.plan
    plain = study.read("plain", Intervention(), plan.audit_seeds)
    steered = study.read(final(result).name, result.intervention, plan.audit_seeds)
    parts = result.attributes
    for i, one in enumerate(parts):
        for other in parts[i + 1 :]:
            names = one.learned.attribute, other.learned.attribute
            groups = one.learned.towards, other.learned.towards
            for role, sight in steered.sights.items():
                if not set(names) <= set(sight.attributes):
                    continue
                before, after = (_crossed(r, role, names, groups) for r in (plain, steered))
                predicted, excess = excess_of_both(after)
                yield Added(
                    outcome.title,
                    groups,
                    role,
                    wilson(before[0][0], sum(map(sum, before))),
                    wilson(after[0][0], sum(map(sum, after))),
                    predicted,
                    excess,
                    one.learned.cosines[names[1]],
                )


def _pairs(done: Done) -> Iterator[Any]:
    """Yield pairs of panels of the same single attribute."""
    for learned in done:
        for applied in done:
            mine, theirs = (one.mitigation.attributes for _, one in (learned, applied))
            if (
                learned is not applied
                and len(mine) == len(theirs) == 1
                and mine[0].learned.attribute == theirs[0].learned.attribute
            ):
                yield learned, applied


def transfers_of(done: Done, n: int) -> Iterator[Transfer]:
    """Yield the effect of each panel's direction on the prompts of the others."""
    for (_, first), (study, second) in _pairs(done):
        (mine,), (theirs,) = first.mitigation.attributes, second.mitigation.attributes
        direction = _direction(first.mitigation)
        strength = mine.strength
        if mine.learned.towards != theirs.learned.towards:
            strength = -strength
        seeds = study.plan.audit_seeds[:n]
        plain = study.read("plain", Intervention(), seeds)
        what = f"direction of {first.mitigation.concepts[0]}"
        steered = study.read(what, Intervention(strength * direction), seeds)
        yield Transfer(
            theirs.learned.attribute,
            theirs.learned.towards,
            first.prompt,
            second.prompt,
            theirs.target.shares[theirs.learned.towards],
            strength,
            tuple(carried(plain, steered, theirs)),
        )


def _direction(result: MitigationResult) -> Direction:
    ((direction, _),) = result.intervention.steering.terms
    return direction


def _crossed(
    reading: Reading, role: Role, names: tuple[str, str], groups: tuple[str, str]
) -> list[list[int]]:
    """Return counts of pictures by two groups, 2 x 2, of those in which both are known."""
    labels = [reading.sights[role].observations.labels(name) for name in names]
    known = labels[0].known & labels[1].known
    first, second = (
        one.codes == one.groups.index(group) for one, group in zip(labels, groups, strict=True)
    )
    return [
        [int((known & (first == a) & (second == b)).sum()) for b in (True, False)]
        for a in (True, False)
    ]


def carried(plain: Reading, steered: Reading, theirs: Mitigated) -> Iterator[Carried]:
    """Yield the effect on the group that an attribute is moved to, by recogniser and oracle."""
    attribute, towards = theirs.learned.attribute, theirs.learned.towards
    for role, sight in steered.sights.items():
        if attribute not in sight.attributes:
            continue
        before, after = (r.dose(0.0, attribute, towards, role) for r in (plain, steered))
        yield Carried(
            role,
            wilson(before.towards, before.known),
            wilson(after.towards, after.known),
            None if sight.kept is None else wilson(after.kept, after.n),
        )
