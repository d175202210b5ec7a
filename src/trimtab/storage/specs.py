"""Specs of every kind: what they share, and the record of the model in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = {"model": "name", "model_dtype": "dtype"}
"""Facts of a model that have another name in specs."""
APART = ("changed", "unread")
"""Facts about how a model was loaded, not about what it is."""


def model_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a model for a spec, independent of the model's location.

    Parameters
    ----------
    facts : mapping
        The result of `trimtab.pipelines.model_facts`.
    """
    model = {NAMES.get(name, name): fact for name, fact in facts.items() if name not in APART}
    config = model.get("config")
    if config is not None and (Path(config).is_absolute() or Path(config).exists()):
        model["config"] = None
    return model


def reserves_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that specs leave out, for the record of an environment."""
    return {name: facts[name] for name in APART if facts.get(name) is not None}


def spec_of(
    kind: str, facts: Mapping[str, Any], settings: Mapping[str, Any], batch_size: int, **own: Any
) -> dict[str, Any]:
    """Return the spec of what a model makes.

    Parameters
    ----------
    kind : str
        Its ``format``.
    facts : mapping
        The result of `trimtab.pipelines.model_facts`.
    settings : mapping
        The settings of the run, with every default filled in.
    batch_size : int
        Number of seeds in a block.
    **own
        The entries that only this kind has.
    """
    return {
        "format": kind,
        "version": 1,
        "model": model_of(facts),
        "settings": dict(settings),
        "batch_size": batch_size,
        **own,
    }
