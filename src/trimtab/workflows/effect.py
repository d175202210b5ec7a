"""The measured effect of an intervention, in a short form that is stored in its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trimtab.concepts import Target
from trimtab.errors import UsageError
from trimtab.interventions import Direction, Intervention, Steering
from trimtab.interventions.compatibility import SETTINGS
from trimtab.interventions.effect import Arm as Side
from trimtab.interventions.effect import Change as Moved
from trimtab.interventions.effect import Effect, Kept, Shift, Spill
from trimtab.metrics import AuditFrame, Comparison, spillover
from trimtab.recognition import Observations


def measured_effect(
    intervention: Intervention | Steering | Direction,
    before: Observations,
    after: Observations,
    *,
    concept: str | None = None,
    concept_kept: tuple[float, float] | None = None,
    chose_strength: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the measured effect of an intervention, for ``annotated(measured=…)``.

    Parameters
    ----------
    intervention : Intervention, Steering or Direction
        The provenance of its directions names the attributes and the groups they point to.
    before, after : Observations
        Observations of pictures with the same prompts and seeds, without and with the
        intervention. Attributes other than the directions' own are reported as side effects.
    concept : str, optional
        Concept that every picture should show.
    concept_kept : tuple of float, optional
        Share of pictures that show it, before and after.
    chose_strength : bool
        Whether the same recogniser chose the strengths, on other seeds.
    settings : mapping, optional
        Settings of the pictures; ``scheduler``, ``num_inference_steps`` and ``guidance_scale``
        are recorded. If the intervention is used at others, `generate` says so.

    Returns
    -------
    dict
        JSON-serialisable, in the format of docs/mitigation-format.md: for each group pointed to,
        the share with its interval, before and after, and the paired difference; side effects.

    Raises
    ------
    UsageError
        If an attribute was not observed, the observations do not match, or a direction was learned
        from some of the seeds.
    """
    steering = intervention.steering if isinstance(intervention, Intervention) else intervention
    steering = Steering() + steering
    used = set(steering.seeds) & set(map(int, before.seeds))
    if used:
        raise UsageError(
            got=f"{len(used)} seeds that {steering} was learned from",
            expected="pictures of other seeds",
            do="generate them from seeds such as range(100)",
        )
    moved = {
        str(one.provenance.get("attribute")): str(one.provenance.get("towards"))
        for one, _ in steering.terms
    }
    missing = moved.keys() - (set(before.attributes) & set(after.attributes))
    if missing or set(before.attributes) != set(after.attributes):
        raise UsageError(
            got=f"observations of {', '.join(before.attributes)} before and "
            f"{', '.join(after.attributes)} after",
            expected=f"the same attributes in both, including {', '.join(moved)}",
            do="classify both sets of pictures for the same attributes",
        )
    pairs = {name: (before.labels(name), after.labels(name)) for name in before.attributes}
    own = before.labels(next(iter(moved), None))
    strengths = [one for _, one in steering.terms]
    strength = strengths[0] if len(strengths) == 1 and isinstance(strengths[0], float) else None
    found = Effect(
        prompts=list(dict.fromkeys(map(str, before.prompts))),
        n=len(before),
        seeds=sorted(set(map(int, before.seeds))),
        recogniser=own.recogniser,
        chose_strength=chose_strength,
        shifts=[_shift(name, group, before, after) for name, group in moved.items()],
        spillover=[
            Spill(
                row.attribute, row.group, *map(_plain, (row.before, row.after, row.low, row.high))
            )
            for row in spillover({k: pair for k, pair in pairs.items() if k not in moved})
        ],
        concept=concept,
        concept_kept=None if concept_kept is None else Kept(*concept_kept),
        strength=strength,
        settings={name: value for name, value in (settings or {}).items() if name in SETTINGS},
    )
    return found.to_dict()


def provenance_of(
    name: str, targets: Mapping[str, Target], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the provenance of a mitigation's file.

    Parameters
    ----------
    name : str
        Name shown in tables.
    targets : mapping of str to Target
        Targets by attribute.
    measured : mapping
        Output of `measured_effect`.
    """
    return {
        "name": name,
        "target": {
            attribute: {"shares": dict(one.shares), "source": one.source}
            for attribute, one in targets.items()
        },
        "measured": dict(measured),
    }


def _shift(name: str, group: str, before: Observations, after: Observations) -> Shift:
    compared = Comparison.between(before.labels(name), after.labels(name))
    change = next(row for row in compared.rows if row.group == group)
    return Shift(
        name,
        group,
        _side(before, name, group),
        _side(after, name, group),
        Moved(_plain(change.difference), _plain(change.low), _plain(change.high)),
    )


def _side(seen: Observations, name: str, group: str) -> Side:
    figures = AuditFrame(seen, name).figures
    share = figures.shares[group]
    return Side(_plain(share.value), (_plain(share.low), _plain(share.high)), figures.unknown.value)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
