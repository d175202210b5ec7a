"""Checks that directions fit a model: shape, family, and the weights they were learned on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trimtab.errors import UsageError
from trimtab.interventions.vector import UnitVector

if TYPE_CHECKING:
    from trimtab.pipelines import LatentSpec


def check_shape(direction: UnitVector, spec: LatentSpec) -> None:
    """Check that a direction has the shape of the latents.

    Raises
    ------
    UsageError
        If it does not.
    """
    if direction.shape != spec.shape:
        other_size = direction.shape[0] == spec.shape[0]
        raise UsageError(
            got=f"direction {direction.name} of shape {direction.shape}",
            expected=f"{spec.shape}, the latents of this {spec.family} model at "
            f"{spec.height}x{spec.width}",
            do="learn the direction on this model at this size"
            + (", or resample it (--resample, Direction.resampled)" if other_size else ""),
        )


def check_family(direction: UnitVector, family: str) -> None:
    """Check that a direction's provenance does not name another model family.

    Raises
    ------
    UsageError
        If it does.
    """
    found = direction.provenance.get("family", family)
    if found != family:
        raise UsageError(
            got=f"direction {direction.name} of the family {found}",
            expected=f"one of {family}, this model's family",
            do="learn the direction on this model",
        )


def learned_on(learned: Mapping[str, Any], pipe: Any, facts: Mapping[str, Any]) -> bool:
    """Return whether something was learned on this model, according to its provenance.

    The fingerprint of the weights decides; if it cannot, the model's name and revision do.

    Parameters
    ----------
    learned : mapping
        The provenance.
    pipe : diffusers.DiffusionPipeline
        The model; it is not changed.
    facts : mapping
        The result of `model_facts` for the model.
    """
    from trimtab.pipelines import Fingerprint, matches  # which load torch

    if not learned.get("model"):
        return True
    recorded, dtype = learned.get("weights"), learned.get("model_dtype")
    if recorded:
        now = Fingerprint(facts["weights"], facts["picture"])
        same = matches(str(recorded), pipe, model_dtype=dtype, now=now)
        if same is not None:
            return same
    return all(learned.get(key) == facts[key] for key in ("model", "revision"))
