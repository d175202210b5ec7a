"""The settings of a run, named as in diffusers, and their defaults."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from trimtab.errors import UsageError
from trimtab.pipelines.families import family_of, latent_spec, parameters, whole_number
from trimtab.pipelines.identity import model_defaults


@dataclass(frozen=True)
class RunSettings:
    """How to run a pipeline; None means the default of the model or its pipeline.

    Attributes
    ----------
    num_inference_steps : int, optional
        Denoising steps requested, at least 1.
    guidance_scale : float, optional
        Strength of classifier-free guidance, at least 0.
    negative_prompt : str, optional
        What the pictures should not show.
    height, width : int, optional
        Size of a picture in pixels.

    Raises
    ------
    UsageError
        If a number is out of range or not finite.
    """

    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    height: int | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        """Reject numbers that no pipeline can use."""
        steps, guidance = self.num_inference_steps, self.guidance_scale
        if steps is not None:
            number = whole_number(steps)
            if number is None or number < 1:
                raise UsageError(
                    got=f"num_inference_steps {steps}",
                    expected="a whole number of at least 1",
                    do="ask for more steps",
                )
            object.__setattr__(self, "num_inference_steps", number)
        if guidance is not None and not (math.isfinite(guidance) and guidance >= 0):
            raise UsageError(
                got=f"guidance_scale {guidance}",
                expected="a finite number of at least 0",
                do="choose another guidance scale",
            )

    def resolve(self, pipe: Any) -> RunSettings:
        """Return the settings with every default filled in, so that a record shows what was done.

        Defaults in a model folder's ``trimtab.json`` override those of the pipeline's signature.

        Parameters
        ----------
        pipe : diffusers.DiffusionPipeline
            The pipeline that will be run.

        Raises
        ------
        UsageError
            If the scheduler cannot do that many steps, the size is not possible, or a negative
            prompt would have no effect.
        """
        spec = latent_spec(pipe, height=self.height, width=self.width)
        family, known = family_of(pipe), parameters(pipe)
        if self.negative_prompt is not None and not (
            family.negative_prompt and "negative_prompt" in known
        ):
            raise UsageError(
                got=f"a negative prompt for {type(pipe).__name__}",
                expected="none: its pictures do not depend on it",
                do="leave it out",
            )
        defaults = known | {"guidance_scale": known.get(family.guidance)} | model_defaults(pipe)
        steps = self.num_inference_steps
        steps = int(defaults["num_inference_steps"] if steps is None else steps)
        guidance = self.guidance_scale
        guidance = defaults["guidance_scale"] if guidance is None else guidance
        trained = pipe.scheduler.config.get("num_train_timesteps", steps)
        if steps > trained:
            raise UsageError(
                got=f"num_inference_steps {steps}",
                expected=f"at most {trained}, the number of training steps in the scheduler",
                do="ask for fewer steps",
            )
        if guidance is None or not family.guided(pipe, self.negative_prompt):
            guidance = None  # records contain only settings that have an effect
        else:
            guidance = float(guidance)
            if self.negative_prompt is not None and guidance <= family.unguided:
                raise UsageError(
                    got=f"a negative prompt at guidance_scale {guidance:g} for {family.name}",
                    expected=f"a guidance scale above {family.unguided:g}: it has no effect below",
                    do="raise the guidance scale, or omit the negative prompt",
                )
        return RunSettings(steps, guidance, self.negative_prompt, spec.height, spec.width)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for a record."""
        return asdict(self)
