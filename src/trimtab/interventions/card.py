"""Model cards of directions and mitigations: what they do, their measured effect, their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from trimtab.interventions.adjustment import Adjustment
from trimtab.interventions.effect import Effect
from trimtab.interventions.tables import learned_from, measured, row, table, target
from trimtab.interventions.vector import UnitVector

RUN = ("num_inference_steps", "guidance_scale", "negative_prompt", "height", "width")
LIMITS = """\
- It works on the model named above. Its effect on other models, sizes, prompts, schedulers, numbers
  of steps or guidance scales has not been measured.
- Groups are as perceived by a recogniser in pictures. They say nothing about people's identity.
- Moving a share towards a target mitigates one measured deviation for one prompt. Measure the
  effect on your own prompts with `trimtab audit`, and check what else changes.
"""


def direction_card(direction: UnitVector, repository: str) -> ModelCard:
    """Write the card of a direction.

    Parameters
    ----------
    direction : UnitVector
        The direction. If its provenance has ``measured``, the card includes the effect.
    repository : str
        The name of the repository in the code of the card.
    """
    facts = direction.provenance
    effect = (facts.get("measured") or None) and Effect.from_dict(
        {"attribute": facts.get("attribute"), **facts["measured"]}
    )
    strength = 3.0 if effect is None or effect.strength is None else effect.strength
    what = (
        "A direction in the latent space of a text-to-image model. Added to the initial noise, it "
        f"moves what is shown towards **{facts.get('towards', direction.name)}**; prompt, "
        "embeddings and weights stay as they are."
    )
    code = f'direction = tt.Direction.from_pretrained("{repository}")'
    usage = _usage(facts, effect, code, f"{strength:g} * direction")
    parts = [
        what,
        f"{usage}\n\nThe strength is in standard deviations of the noise along the direction.",
        f"## What it was learned from\n\n{learned_from(direction)}",
        f"## Measured effect\n\n{measured(effect, f'{strength:g} × this direction')}",
    ]
    return _card(direction.name, facts, "latent-direction", parts)


def mitigation_card(
    name: str,
    terms: Sequence[tuple[UnitVector, Any]],
    adjustment: Adjustment | None,
    facts: Mapping[str, Any],
    repository: str,
) -> ModelCard:
    """Write the card of a mitigation.

    Parameters
    ----------
    name : str
        The name of the mitigation.
    terms : sequence of (UnitVector, strength)
        The directions with their strengths.
    adjustment : Adjustment or None
        The change to the conditioning.
    facts : mapping
        The provenance; its facts about the model apply to all directions.
    repository : str
        The name of the repository in the code of the card.
    """
    effect = (facts.get("measured") or None) and Effect.from_dict(facts["measured"])
    learned = terms[0][0].provenance if terms else {}
    of_model = {key: learned[key] for key in ("model", "revision", *RUN) if key in learned}
    does = [
        *(["moves the initial noise along the directions below"] if terms else []),
        *([f"changes the prompt ({adjustment})"] if adjustment is not None else []),
    ]
    done = [row("noise", f"{strength:g} × {one.name}") for one, strength in terms]
    done += [row("conditioning", adjustment)] if adjustment is not None else []
    code = f'mitigation = tt.load_intervention("{repository}")'
    parts = [
        f"A mitigation for a text-to-image model: it {' and '.join(does) or 'does nothing'}. The "
        "weights stay as they are.",
        _usage({**of_model, **facts}, effect, code, "mitigation"),
        "## What it does\n\n" + table(("", ""), done)
        + "\n\nStrengths are in standard deviations of the noise along the direction.",
        f"## Target\n\n{target(facts.get('target'))}",
        f"## Measured effect\n\n{measured(effect, 'it')}",
        *(
            f"## What {one.name} was learned from\n\n{learned_from(one)}"
            for one, _ in terms
        ),
    ]  # fmt: skip
    return _card(name, {**of_model, **facts}, "latent-mitigation", parts)


def _card(name: str, facts: Mapping[str, Any], tag: str, parts: Sequence[str]) -> ModelCard:
    model, licence = facts.get("model"), facts.get("licence")
    data = ModelCardData(
        base_model=model if _on_hub(model) else None,
        library_name="trimtab",
        license=licence,
        pipeline_tag="text-to-image",
        tags=["trimtab", tag, "text-to-image"],
    )
    said = f"{licence}." if licence else "Not stated. Ask who published it before you use it."
    end = [
        f"## Limits\n\n{LIMITS}",
        f"## Licence\n\n{said} The licence of the model binds besides.",
    ]
    text = "\n\n".join([f"# {name}", *parts, *end])
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n")


def _on_hub(model: Any) -> bool:
    return isinstance(model, str) and model.count("/") == 1 and not Path(model).is_absolute()


def _usage(facts: Mapping[str, Any], effect: Effect | None, code: str, steer: str) -> str:
    model = facts.get("model")
    prompt = effect.prompts[0] if effect and effect.prompts else "a photo of a person"
    pipe = f"tt.load_model({model!r})" if _on_hub(model) else f"tt.load_model(…)  # {model}"
    run = {**facts, **(effect.settings if effect else {})}
    options = "".join(f"    {k}={run[k]!r},\n" for k in RUN if run.get(k) is not None)
    return (
        f"```python\nimport trimtab as tt\n\npipe = {pipe}\n{code}\n"
        f"pictures = tt.generate(\n    pipe, {prompt!r}, range(8), {steer},\n{options})\n```"
    )
