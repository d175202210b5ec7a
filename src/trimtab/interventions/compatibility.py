"""Checks that directions fit a model: shape, family, weights and settings they were learned at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trimtab.errors import UsageError
from trimtab.interventions.vector import UnitVector

if TYPE_CHECKING:
    from trimtab.interventions.intervention import Intervention
    from trimtab.pipelines import LatentSpec

SETTINGS = ("scheduler", "num_inference_steps", "guidance_scale")
"""Settings that the effect of an intervention is recorded with, as a provenance names them."""


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


def measured_elsewhere(intervention: Intervention, here: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what was measured at other settings: an intervention, or else its directions.

    A direction that was never measured is compared with where it was learned. Settings that either
    side does not record, as in older files, are not compared.

    Parameters
    ----------
    intervention : Intervention
        The intervention.
    here : mapping
        Known settings of a run, by the names in `SETTINGS`.

    Returns
    -------
    list of dict
        ``name`` and ``hash`` of each; ``how``, "measured" or "learned"; and the ``settings`` that
        differ, by name, each as [there, here].
    """
    whole = _measured_at(intervention.provenance) is not None
    directions = [direction for direction, _ in intervention.acting().steering.terms]
    found = []
    for one in [intervention] if whole else directions:
        measured = _measured_at(one.provenance)
        there = one.provenance if measured is None else measured
        pairs = {name: [there.get(name), here.get(name)] for name in SETTINGS}
        differing = {k: two for k, two in pairs.items() if None not in two and two[0] != two[1]}
        how = "learned" if measured is None else "measured"
        if differing:
            found.append({"name": one.name, "hash": one.hash, "how": how, "settings": differing})
    return found


def told_elsewhere(found: Mapping[str, Any]) -> str:
    """Return an entry of `measured_elsewhere` as a sentence without a full stop."""
    there, here = (
        told_settings({name: two[i] for name, two in found["settings"].items()}) for i in (0, 1)
    )
    return (
        f"{found['name']} was {found['how']} with {there}, not with {here}: its effect here has "
        "not been measured"
    )


def told_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as text: "scheduler DDIMScheduler, 25 steps, guidance scale 7.5"."""
    return ", ".join(
        _told(name, settings[name]) for name in SETTINGS if settings.get(name) is not None
    )


def _told(name: str, value: Any) -> str:
    if name == "num_inference_steps":
        return f"{value} step{'s' * (value != 1)}"
    shown = f"{value:g}" if isinstance(value, float) else value
    return f"{name.replace('_', ' ')} {shown}"


def _measured_at(provenance: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the settings at which an effect was measured; None if they are not recorded."""
    effect = provenance.get("measured")  # of any type, in a file that was changed by hand
    settings = effect.get("settings") if isinstance(effect, Mapping) else None
    return settings if isinstance(settings, Mapping) and settings else None
