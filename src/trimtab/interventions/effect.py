"""The measured effect of an intervention, summarised for its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from trimtab.errors import UsageError
from trimtab.interventions.file import to_json

T = TypeVar("T")


@dataclass(frozen=True)
class Arm:
    """A group's share in one set of pictures, with its interval, and the share of unknowns."""

    share: float | None
    interval: tuple[float | None, float | None]
    unknown: float | None = None


@dataclass(frozen=True)
class Change:
    """A difference of shares, paired by seed, with its interval."""

    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Shift:
    """The change of the steered group of an attribute."""

    attribute: str
    group: str
    plain: Arm
    steered: Arm
    difference: Change


@dataclass(frozen=True)
class Spill:
    """The change of a group of an attribute that was not steered."""

    attribute: str
    group: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Kept:
    """The share of the pictures that show the prompt's concept."""

    plain: float | None
    steered: float | None


@dataclass(frozen=True)
class Effect:
    """The measured effect of an intervention: the entry ``measured`` of its provenance.

    Parameters
    ----------
    prompts : list of str
        Prompts of the pictures.
    n : int
        Number of pictures, each without and with the intervention on the same seed.
    seeds : list of int
        Seeds of the pictures; nothing was learned or chosen on them.
    recogniser : str
        The recogniser that labelled the pictures.
    chose_strength : bool
        Whether the same recogniser chose the strengths, on other seeds.
    shifts : list of Shift
        One shift per steered attribute.
    spillover : list of Spill
        Changes of other attributes.
    concept : str, optional
        What every picture should show.
    concept_kept : Kept, optional
        How many pictures show it.
    strength : float, optional
        For a direction, the strength at which it was measured. A mitigation has its own strengths.
    settings : dict
        ``scheduler``, ``num_inference_steps`` and ``guidance_scale`` of the pictures; empty in
        older files.
    """

    prompts: list[str]
    n: int
    seeds: list[int]
    recogniser: str
    chose_strength: bool
    shifts: list[Shift]
    spillover: list[Spill]
    concept: str | None = None
    concept_kept: Kept | None = None
    strength: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable record."""
        return dict(json.loads(to_json(asdict(self))))

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Effect:
        """Return the effect in a record of `to_dict`, or of a direction of format version 1.

        Raises
        ------
        UsageError
            If an entry is missing or has the wrong type.
        """
        return checked(cls, _of_all(facts), "measured")


def checked(kind: type[T], value: Mapping[str, Any], what: str) -> T:
    """Check a JSON value against a dataclass.

    Raises
    ------
    UsageError
        If an entry is invalid; the message names the first.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(to_json(value), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            got=f"{what} with {place or 'an entry'}: {first['msg'].lower()}",
            expected=f"what {kind.__name__} describes",
            do=f"correct it, or omit {what}",
        ) from error


def _of_all(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert the measured effect of a direction to the form for several attributes."""
    if "shifts" in facts or "group" not in facts:
        return facts
    arms = {name: facts.get(name) or {} for name in ("plain", "steered")}
    own = ("attribute", "group", "plain", "steered", "difference")
    of_all = {key: value for key, value in facts.items() if key not in (*own, "prompt")}
    return of_all | {
        "prompts": [facts.get("prompt")],
        "shifts": [{key: facts[key] for key in own if key in facts}],
        "concept_kept": {name: arm.get("concept_kept") for name, arm in arms.items()},
    }
