"""What a direction was seen to do, in short, to travel with its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trimtab.errors import UsageError
from trimtab.interventions import Direction
from trimtab.metrics import AuditFrame, Comparison, spillover
from trimtab.recognition import Labels
from trimtab.workflows.reading import CONCEPT, concept_kept, plain

ROW = ("attribute", "group", "before", "after", "low", "high")


def measured_effect(
    direction: Direction,
    strength: float,
    prompt: str,
    before: Mapping[str, Labels],
    after: Mapping[str, Labels],
    *,
    concept: str | None = None,
    chose_strength: bool = False,
) -> dict[str, Any]:
    """Say what a direction was seen to do, for ``direction.annotated(measured=…)``.

    Parameters
    ----------
    direction : Direction
        Its provenance says which attribute it steers and towards which group.
    strength : float
        At which the pictures were steered.
    prompt : str
        Of the pictures.
    before, after : mapping of str to Labels
        Attribute name -> what was recognised in the pictures, plain and steered, paired by seed.
        Attributes beside the direction's tell what else changed.
    concept : str, optional
        What every picture should show: a group of the labels ``"concept"``, which are those of
        ``trimtab.concepts.concept_pack(name)``.
    chose_strength : bool
        Whether the same recogniser chose the strength, on other seeds.

    Returns
    -------
    dict
        JSON-able: prompt, n, seeds, strength and recogniser; of the group that the direction points
        to the share with its Wilson interval, plain and steered, and the paired difference; what
        else changed.

    Raises
    ------
    UsageError
        When an attribute is missing, the labels do not belong together, or the direction was
        learned from some of the seeds.
    """
    attribute, group = (direction.provenance.get(key) for key in ("attribute", "towards"))
    wanted = {attribute, *before} | ({CONCEPT} if concept is not None else set())
    missing = wanted - (before.keys() & after.keys())
    if missing:
        raise UsageError(
            got=f"labels of {', '.join(before)} before and {', '.join(after)} after",
            expected=f"{attribute}, which {direction.name} steers, and the same in both"
            + (f", {CONCEPT!r} among them" if concept is not None else ""),
            do="classify both sets of pictures by the same attributes",
        )
    if not math.isfinite(strength):
        raise UsageError(got=f"strength {strength}", expected="a finite number", do="correct it")
    own, steered = before[str(attribute)], after[str(attribute)]
    used = set(own.seeds.tolist()).intersection(direction.provenance.get("seeds", ()))
    if used:
        raise UsageError(
            got=f"{len(used)} seeds that {direction.name} was learned from",
            expected="pictures of other seeds",
            do="generate them from seeds such as range(100)",
        )

    def arm(labels: Mapping[str, Labels]) -> dict[str, Any]:
        frame = AuditFrame(labels[own.attribute])
        share = frame.by_group[str(group)]
        kept = None if concept is None else float(concept_kept(labels[CONCEPT], concept).mean())
        return {
            "share": plain(share.value),
            "interval": [plain(share.low), plain(share.high)],
            "unknown": plain(frame.unknown_share),
            "concept_kept": kept,
        }

    compared = Comparison.between(own, steered)
    change = next(row for row in compared.rows if row.group == group)
    others = {
        name: (labels, after[name])
        for name, labels in before.items()
        if name not in (own.attribute, CONCEPT)
    }
    return {
        "prompt": prompt,
        "concept": concept,
        "n": compared.n,
        "seeds": sorted(map(int, set(own.seeds) & set(steered.seeds))),
        "strength": strength,
        "recogniser": own.recogniser,
        "chose_strength": chose_strength,
        "group": group,
        "plain": arm(before),
        "steered": arm(after),
        "difference": {key: plain(vars(change)[key]) for key in ("difference", "low", "high")},
        "spillover": [{key: plain(vars(row)[key]) for key in ROW} for row in spillover(others)],
    }
