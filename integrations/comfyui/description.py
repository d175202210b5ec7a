"""What a direction or a mitigation is, as the few lines that a node shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.errors import UsageError
from trimtab.interventions import Direction, Effect, Intervention
from trimtab.interventions.tables import percent, shares

from .families import pixels_per_cell


def described(found: Direction | Intervention) -> str:
    """Return name, model, family, size, step, accuracy, measured effect and licence."""
    if isinstance(found, Direction):
        return "\n".join(_of_direction(found))
    return "\n".join(_of_mitigation(found))


def size_of(direction: Direction) -> str:
    """Return the size of the pictures that a direction is for, in pixels."""
    channels, height, width = direction.shape
    cell = pixels_per_cell(direction.provenance.get("family"), channels)
    return f"{width * cell} × {height * cell} pixels"


def _of_direction(direction: Direction) -> Iterator[str]:
    facts = direction.provenance
    yield f"direction {direction.name}"
    yield f"model: {facts.get('model') or 'not stated'}"
    family = facts.get("family") or f"not stated, {direction.shape[0]} channels"
    yield f"family: {family}; {size_of(direction)}"
    if facts.get("step"):
        yield f"step: {facts['step']} of {facts.get('num_inference_steps')}"
    yield f"accuracy: {_accuracy(facts)}"
    measured = facts.get("measured")
    yield from _effect(measured and {"attribute": facts.get("attribute"), **measured})
    yield f"licence: {facts.get('licence') or 'not stated'}"


def _of_mitigation(mitigation: Intervention) -> Iterator[str]:
    facts = mitigation.provenance
    yield f"mitigation {mitigation.name}"
    yield f"does: {mitigation}"
    for attribute, target in (facts.get("target") or {}).items():
        yield f"target of {attribute}: {shares(target['shares'])}"
    yield from _effect(facts.get("measured"))
    for direction, _ in mitigation.steering.terms:
        learned = direction.provenance
        yield (
            f"{direction.name}: {learned.get('model') or 'model not stated'}, "
            f"{learned.get('family') or 'family not stated'}, {size_of(direction)}"
        )
    yield f"licence: {facts.get('licence') or 'not stated'}"


def _accuracy(facts: Mapping[str, Any]) -> str:
    if facts.get("accuracy") is None:
        return "not stated"
    interval = facts.get("accuracy_interval")
    told = f"{facts['accuracy']:.2f}"
    return f"{told} [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else told


def _effect(measured: Mapping[str, Any] | None) -> Iterator[str]:
    try:
        effect = Effect.from_dict(measured) if measured else None
    except UsageError:  # of another version; the direction itself is sound
        effect = None
    if effect is None:
        yield "effect: not measured"
        return
    at = "" if effect.strength is None else f" at strength {effect.strength:g}"
    for shift in effect.shifts:
        yield (
            f"effect{at}: {shift.group} {percent(shift.plain.share)} → "
            f"{percent(shift.steered.share)} of {effect.n} pictures, perceived by "
            f"{effect.recogniser}"
        )
