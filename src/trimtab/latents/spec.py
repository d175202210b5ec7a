"""The spec of captured latents: everything that determines them, except the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.storage import require_kinds
from trimtab.storage.specs import NAMES

FORMAT = "trimtab-capture"
CAPTURE = {
    "attribute": str,
    "groups": list[dict],  # type: ignore[type-arg]
    "steps": list[int],
    "shape": list[int],
    "dtype": str,
}


def settings_of(spec: Mapping[str, Any], seeds: Sequence[int], where: str = "") -> dict[str, Any]:
    """Return a spec and its seeds as the flat settings of `LatentSamples`.

    Raises
    ------
    FileError
        If an entry is missing or has the wrong type.
    """
    require_kinds(where, spec, model=dict, settings=dict, batch_size=int, capture=dict)
    require_kinds(where, spec["capture"], **CAPTURE)
    for group in spec["capture"]["groups"]:
        require_kinds(where, group, name=str, prompts=list[str])
    facts = {new: old for old, new in NAMES.items()}
    model = {facts.get(name, name): fact for name, fact in spec["model"].items()}
    own = {"batch_size": spec["batch_size"], "seeds": list(seeds)}
    capture = {name: value for name, value in spec["capture"].items() if name != "groups"}
    capture["prompts"] = prompts_of(spec)
    return {**model, **capture, **spec["settings"], **own}


def prompts_of(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the prompts of each group, in the order of the groups."""
    return {group["name"]: list(group["prompts"]) for group in spec["capture"]["groups"]}
