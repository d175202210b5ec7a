"""The record of a model in specs of every kind."""

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
