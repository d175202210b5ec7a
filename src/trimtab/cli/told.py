"""Facts as text for people: what `trimtab inspect` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.drawing.words import listed
from trimtab.errors import UsageError
from trimtab.generation.companions import terms_of
from trimtab.interventions import Adjustment, Intervention
from trimtab.interventions.compatibility import told_settings
from trimtab.interventions.effect import Arm, Effect

WIDTH = 22  # columns for a fact's name
LONG = 8  # whole numbers in a row, above which only the first and the last are printed


def lines(facts: Mapping[str, Any], indent: str = "") -> str:
    """Return one line for each fact, without those that are missing or empty."""
    return "\n".join(_lines(facts, indent))


def _lines(facts: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in facts.items():
        title = f"{indent}{name.replace('_', ' ')}"
        inner = list(_lines(value, indent + "  ")) if isinstance(value, Mapping) else []
        if inner:
            yield from (title, *inner)
        elif value is not None and value != "" and not isinstance(value, Mapping) and value != []:
            yield f"{title:<{WIDTH}} {told(value)}"


def told(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {told(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        whole = len(value) > LONG and all(isinstance(one, int) for one in value)
        if whole and in_a_row(value):
            return f"{len(value)}, from {min(value)} to {max(value)}"
        plain = all(isinstance(one, int | float) for one in value)
        return (", " if plain else "; ").join(map(told, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def in_a_row(numbers: Sequence[int]) -> bool:
    """Return whether whole numbers follow each other without a gap."""
    return bool(numbers) and list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))


def done_to(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return how the pictures of a spec were steered; nothing if they were made elsewhere."""
    record = spec.get("intervention")
    if record is None:
        return {}
    terms = (
        f"{told(term['strength'])} × {term.get('direction', 'direction')} ({term['hash'][:12]})"
        for term in terms_of(spec)
    )
    adjustment = record.get("adjustment")
    words = {} if adjustment is None else {"prompt_changed": str(Adjustment.from_dict(adjustment))}
    return {"steering": " + ".join(terms) or "none", **words}


def effect_of(mitigation: Intervention) -> str:
    """Return what a mitigation does, in words."""
    along = [f"along “{direction.name}” by {told(s)}" for direction, s in mitigation.steering.terms]
    does = [f"moves the noise {listed(along)} standard deviations"] if along else []
    if mitigation.adjustment is not None:
        does.append(f"changes the prompt ({mitigation.adjustment})")
    return "; ".join(does) or "none"


def targets_of(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return the target shares of each attribute, with their source."""
    return {
        attribute: told(one["shares"]) + (f" ({one['source']})" if one.get("source") else "")
        for attribute, one in (provenance.get("target") or {}).items()
    }


def measured_of(provenance: Mapping[str, Any], target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the measured effect: each share without and with steering, beside its target.

    What cannot be read as an effect, in a direction that was changed by hand, stays as it is.
    """
    facts = provenance.get("measured") or {}
    try:
        own = {"attribute": provenance.get("attribute")} if "group" in facts else {}
        effect = Effect.from_dict({**own, **facts}) if facts else None
    except (UsageError, AttributeError, TypeError):
        effect = None
    return facts if effect is None else _rows(effect, target)


def _rows(effect: Effect, target: Mapping[str, Any]) -> dict[str, Any]:
    rows = {}
    for shift in effect.shifts:
        share = (target.get(shift.attribute) or {}).get("shares", {}).get(shift.group)
        aim = "" if share is None else f", target {share:g}"
        name = f"{shift.attribute}: {shift.group}"
        rows[name] = f"{_share(shift.plain)} -> {_share(shift.steered)}{aim}"
    for one in effect.spillover:
        before, after = _number(one.before), _number(one.after)
        rows[f"{one.attribute}: {one.group}"] = f"{before} -> {after}, not steered"
    if effect.concept_kept is not None:
        kept = effect.concept_kept
        rows["concept_kept"] = f"{_number(kept.plain)} -> {_number(kept.steered)}"
    chose = ", which also chose the strength, on other seeds" if effect.chose_strength else ""
    return {
        **rows,
        "concept": effect.concept,
        "strength": effect.strength,
        "pictures": effect.n,
        "settings": told_settings(effect.settings),
        "prompts": effect.prompts,
        "seeds": effect.seeds,
        "perceived_by": f"{effect.recogniser}{chose}",
    }


def _share(arm: Arm) -> str:
    low, high = arm.interval
    return f"{_number(arm.share)} [{_number(low)}, {_number(high)}]"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
