"""The tables of model cards, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trimtab.interventions.compatibility import told_settings
from trimtab.interventions.effect import Arm, Effect
from trimtab.interventions.vector import UnitVector


def row(*cells: object) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def table(head: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table made of rows from `row`."""
    return "\n".join([row(*head), row(*["---"] * len(head)), *rows])


def facts_of(direction: UnitVector) -> dict[str, str]:
    """Return what a direction was learned from, according to its provenance."""
    facts = direction.provenance
    prompts = [one for texts in (facts.get("prompts") or {}).values() for one in texts]
    seeds = facts.get("seeds") or []
    estimator = facts.get("estimator")
    said = {
        "model": facts.get("model"),
        "revision": facts.get("revision"),
        "family": facts.get("family"),
        "shape of the latents": " × ".join(map(str, direction.shape)),
        "picture": facts.get("height") and f"{facts.get('width')} × {facts['height']} pixels",
        "scheduler": facts.get("scheduler"),
        "guidance scale": facts.get("guidance_scale"),
        "negative prompt": facts.get("negative_prompt"),
        "type of the weights": facts.get("model_dtype"),
        "hash of the weights": facts.get("weights") and f"`{facts['weights']}`",
        "step": facts.get("step") and f"{facts['step']} of {facts.get('num_inference_steps')}",
        "prompts": "; ".join(f"“{text}”" for text in prompts),
        "seeds": seeds and f"{len(seeds)}, from {min(seeds)} to {max(seeds)}",
        "estimator": estimator.get("name") if isinstance(estimator, Mapping) else estimator,
        "cross-validated accuracy": _accuracy(facts, ""),
        "accuracy where a concept was left out": ", ".join(
            f"{name} {value:.2f}" for name, value in (facts.get("concept_accuracy") or {}).items()
        ),
        "accuracy of the direction that it was made from": _accuracy(facts, "_as_learned"),
        "made orthogonal to": ", ".join(one["name"] for one in facts.get("orthogonal_to", ())),
        "cells kept": facts.get("local") and cells_kept(**facts["local"]),
        "resampled from": "resampled_from" in facts
        and " × ".join(map(str, facts["resampled_from"])),
        "sha256": f"`{direction.hash}`",
    }
    return {name: str(value) for name, value in said.items() if value}


def cells_kept(cells: int, of: int, energy: float) -> str:
    """Return the cells of a local direction as text."""
    return f"{cells} of {of}, with {percent(energy)} of the energy"


def learned_from(direction: UnitVector) -> str:
    """Return a table of what a direction was learned from."""
    return table(("", ""), (row(*entry) for entry in facts_of(direction).items()))


def shares(found: Mapping[str, float]) -> str:
    """Return the share of each group as text."""
    return ", ".join(f"{group} {share:.0%}" for group, share in found.items())


def target(facts: Mapping[str, Any] | None) -> str:
    """Return a table of the target of each attribute, with its source."""
    if not facts:
        return "Not stated."
    rows = (
        row(
            attribute,
            shares(one["shares"]),
            one.get("source") or "not stated",
        )
        for attribute, one in facts.items()
    )
    return table(("attribute", "shares", "where it comes from"), rows)


def measured(effect: Effect | None, what: str) -> str:
    """Return the measured effect: shares with intervals, paired differences, other changes."""
    if effect is None:
        return (
            "Not measured. To measure it, use `trimtab.workflows.measured_effect` with pictures "
            "made with and without it, on seeds that it was not learned from."
        )
    chose = ", which also chose the strength, on other seeds" if effect.chose_strength else ""
    prompts = ", ".join(f"“{text}”" for text in effect.prompts)
    settings = f"; {told_settings(effect.settings)}" if effect.settings else ""
    shifts = (
        row(
            shift.attribute,
            shift.group,
            _share(shift.plain),
            _share(shift.steered),
            f"{_points(shift.difference.difference)} "
            f"[{_points(shift.difference.low)}, {_points(shift.difference.high)}]",
            f"{percent(shift.plain.unknown)} → {percent(shift.steered.unknown)}",
        )
        for shift in effect.shifts
    )
    head = ("attribute", "group", "plain", "steered", "paired change, points", "unknown")
    parts = [
        f"{effect.n} pictures of {prompts}, without and with {what}, on seeds {min(effect.seeds)} "
        f"to {max(effect.seeds)}, from which nothing was learned; Wilson intervals; perceived by "
        f"{effect.recogniser}{chose}{settings}.",
        table(head, shifts),
    ]
    if effect.concept is not None and effect.concept_kept is not None:
        kept = effect.concept_kept
        parts.append(
            f"The concept ({effect.concept}) was kept in {percent(kept.plain)} of the plain and "
            f"in {percent(kept.steered)} of the steered pictures."
        )
    if effect.spillover:
        rows = (
            row(
                one.attribute,
                one.group,
                f"{percent(one.before)} → {percent(one.after)}",
                f"[{_points(one.low)}, {_points(one.high)}]",
            )
            for one in effect.spillover
        )
        parts += [
            "What else changed (paired, 95 % interval, not corrected for their number):",
            table(("attribute", "group", "before → after", "interval of the change, points"), rows),
        ]
    return "\n\n".join(parts)


def _accuracy(facts: Mapping[str, Any], ending: str) -> str | None:
    accuracy = facts.get(f"accuracy{ending}")
    if accuracy is None:
        return None
    low, high = facts.get(f"accuracy_interval{ending}") or (None, None)
    if low is None:
        return f"{accuracy:.2f}"
    guessed = "; guessing would reach 0.50, so perhaps nothing was learned" if low <= 0.5 else ""
    return f"{accuracy:.2f} [{low:.2f}, {high:.2f}]{guessed}"


def _share(arm: Arm) -> str:
    low, high = arm.interval
    return f"{percent(arm.share)} [{percent(low)}, {percent(high)}]"


def percent(value: float | None) -> str:
    """Return a share as text."""
    return "n/a" if value is None else f"{value:.0%}"


def _points(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:+.0f}"
