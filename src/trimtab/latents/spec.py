"""The spec of captured latents: everything that determines them, except the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.storage import require_kinds
from trimtab.storage.specs import NAMES, model_of

FORMAT = "trimtab-capture"
CAPTURE = {
    "attribute": str,
    "groups": list[dict],  # type: ignore[type-arg]
    "steps": list[int],
    "shape": list[int],
    "dtype": str,
}


def spec_of(
    facts: Mapping[str, Any],
    settings: Mapping[str, Any],
    batch_size: int,
    capture: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the spec of a capture.

    Parameters
    ----------
    facts : mapping
        The result of `model_facts` for the model.
    settings : mapping
        The settings of the run, with every default filled in.
    batch_size : int
        Number of seeds in a block.
    capture : mapping
        ``attribute``, ``on``, ``prompts`` by group, ``steps``, ``shape`` and ``dtype``.
    """
    # A list, since arrays follow the order of groups, and entries of an object have no order.
    groups = [{"name": name, "prompts": list(p)} for name, p in capture["prompts"].items()]
    rest = {name: value for name, value in capture.items() if name != "prompts"}
    return {
        "format": FORMAT,
        "version": 1,
        "model": model_of(facts),
        "settings": dict(settings),
        "batch_size": batch_size,
        "capture": rest | {"groups": groups},
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
