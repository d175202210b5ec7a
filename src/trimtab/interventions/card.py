"""The model card of a direction: what it was learned from, what it was seen to do, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import ModelCard, ModelCardData

from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.interventions.direction import Direction

RUN = ("num_inference_steps", "guidance_scale", "negative_prompt", "height", "width")
EFFECT = {
    "prompt", "n", "seeds", "strength", "recogniser", "chose_strength", "group", "plain",
    "steered", "difference", "spillover",
}  # fmt: skip
TAGS = ["trimtab", "latent-direction", "text-to-image"]
LIMITS = """\
- It moves the initial noise of the model named above. On other models, sizes, schedulers or
  prompts its effect was not measured.
- Groups are as perceived by a recogniser in pictures. They say nothing about people's identity.
- A share moved towards a target mitigates one measured deviation for one prompt. Measure anew for
  yours, and look at what else changes: `trimtab audit`.
"""


def card_of(direction: Direction, repository: str = "ORGANISATION/NAME") -> ModelCard:
    """Write the card of a direction from its provenance alone.

    Parameters
    ----------
    direction : Direction
        With ``measured`` in its provenance, as a study leaves it there, the card has its effect.
    repository : str
        How the lines of code in the card name it.
    """
    facts = direction.provenance
    model, licence = facts.get("model"), facts.get("licence")
    data = ModelCardData(
        base_model=model if _on_hub(model) else None,
        library_name="trimtab",
        license=licence,
        pipeline_tag="text-to-image",
        tags=TAGS,
    )
    parts = [
        f"# {direction.name}",
        "A direction in the latent space of a text-to-image model. Added to the initial noise, it "
        f"moves what is shown towards **{facts.get('towards', direction.name)}**; prompt, "
        "embeddings and weights stay as they are.",
        _usage(direction, repository),
        "## What it was learned from\n\n" + _learned(direction),
        "## Measured effect\n\n" + _measured(facts.get("measured")),
        "## Limits\n\n" + LIMITS,
        "## Licence\n\n"
        + (f"{licence}." if licence else "Not stated. Ask who published it before you use it.")
        + " The licence of the model binds besides.",
    ]
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n")


def _on_hub(model: Any) -> bool:
    return isinstance(model, str) and model.count("/") == 1 and not Path(model).is_absolute()


def _usage(direction: Direction, repository: str) -> str:
    facts = direction.provenance
    measured = facts.get("measured") or {}
    strength = measured.get("strength", 3)
    prompt = measured.get("prompt", "a photo of a person")
    options = {name: facts[name] for name in RUN if facts.get(name) is not None}
    model = facts.get("model")
    load = f"tt.load_model({model!r})" if _on_hub(model) else f"tt.load_model(…)  # {model}"
    pipe = "pipe = tt.townsfolk.load()" if model == "townsfolk" else f"pipe = {load}"
    said = "".join(f"    {name}={value!r},\n" for name, value in options.items())
    return (
        "```python\n"
        f"import trimtab as tt\n\n{pipe}\n"
        f'direction = tt.Direction.from_pretrained("{repository}")\n'
        "pictures = tt.generate(\n"
        f"    pipe, {prompt!r}, range(8), {strength:g} * direction,\n{said}"
        ")\n"
        "```\n\n"
        "The strength is in standard deviations of the noise along the direction."
    )


def _learned(direction: Direction) -> str:
    facts = direction.provenance
    prompts = [one for texts in (facts.get("prompts") or {}).values() for one in texts]
    seeds = facts.get("seeds") or []
    estimator = facts.get("estimator")
    rows = {
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
        "accuracy of the direction that it was made from": _accuracy(facts, "_as_learned"),
        "made orthogonal to": ", ".join(one["name"] for one in facts.get("orthogonal_to", ())),
        "resampled from": "resampled_from" in facts
        and " × ".join(map(str, facts["resampled_from"])),
        "sha256": f"`{direction.hash}`",
    }
    told = {name: str(value).replace("|", "\\|") for name, value in rows.items() if value}
    lines = [f"| {name} | {value} |" for name, value in told.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _accuracy(facts: Mapping[str, Any], ending: str) -> str | None:
    accuracy = facts.get(f"accuracy{ending}")
    if accuracy is None:
        return None
    low, high = facts.get(f"accuracy_interval{ending}") or (None, None)
    if low is None:
        return f"{accuracy:.2f}"
    guessed = "; guessing would give 0.50, so perhaps nothing was learned" if low <= 0.5 else ""
    return f"{accuracy:.2f} [{low:.2f}, {high:.2f}]{guessed}"


def _measured(effect: Mapping[str, Any] | None) -> str:
    if not effect:
        return (
            "Not measured. `trimtab.workflows.measured_effect` says what it does, from pictures "
            "with and without it on seeds that it was not learned from."
        )
    missing = EFFECT - effect.keys()
    if missing:
        raise UsageError(
            got=f"measured without {', '.join(sorted(missing))}",
            expected="what trimtab.workflows.measured_effect returns",
            do="use it, or leave measured out",
        )
    change = effect["difference"]
    lines = [
        f"{effect['n']} pictures of “{effect['prompt']}”, without and with "
        f"{effect['strength']:g} × this direction, on seeds {min(effect['seeds'])} to "
        f"{max(effect['seeds'])}, from which it was not learned; Wilson intervals; perceived by "
        f"{effect['recogniser']}"
        + (", which also chose the strength, on other seeds." if effect["chose_strength"] else "."),
        "",
        f"| | {effect['group']} | unknown | concept kept |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {_share(effect[name])} | {_percent(effect[name]['unknown'])} | "
            f"{_percent(effect[name]['concept_kept'])} |"
            for name in ("plain", "steered")
        ),
        "",
        f"Paired by seed: {_points(change['difference'])} points "
        f"[{_points(change['low'])}, {_points(change['high'])}].",
    ]
    if effect["spillover"]:
        lines += [
            "",
            "What else changed (paired, 95 % interval, not corrected for their number):",
            "",
            "| attribute | group | before → after | interval of the change, points |",
            "| --- | --- | --- | --- |",
            *(
                f"| {row['attribute']} | {row['group']} | {_percent(row['before'])} → "
                f"{_percent(row['after'])} | [{_points(row['low'])}, {_points(row['high'])}] |"
                for row in effect["spillover"]
            ),
        ]
    return "\n".join(lines)


def _share(arm: Mapping[str, Any]) -> str:
    low, high = arm["interval"]
    return f"{_percent(arm['share'])} [{_percent(low)}, {_percent(high)}]"


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.0%}"


def _points(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:+.0f}"
