"""The options that change pictures: their noise, their prompts, and the prompts' embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from trimtab.cli.console import note
from trimtab.cli.options import RunOptions, refuse_unused


@dataclass(frozen=True)
class AdjustOptions:
    """How to change the prompt, or its embeddings."""

    add_words: Annotated[
        list[str],
        typer.Option(
            metavar="WORDS",
            help="Words to add to the prompt; with several WORDS=WEIGHT, each picture draws one by "
            "its seed.",
        ),
    ] = field(default_factory=list)
    shift: Annotated[
        list[str],
        typer.Option(
            metavar="AWAY -> TOWARDS=S",
            help="Shift the prompt's embeddings by S times the difference of two prompts; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    shift_after_words: Annotated[
        list[str],
        typer.Option(
            metavar="AWAY -> TOWARDS=S",
            help="The same only for the tokens after the words; repeatable.",
        ),
    ] = field(default_factory=list)
    project: Annotated[
        list[str],
        typer.Option(
            metavar="ONE == OTHER",
            help="Project the prompt's embeddings so that these two prompts come together; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    project_off: Annotated[
        list[str],
        typer.Option(metavar="PROMPT", help="Also project off this prompt; repeatable."),
    ] = field(default_factory=list)
    project_lam: Annotated[
        float, typer.Option(metavar="NUMBER", help="How close --project brings prompts together.")
    ] = 500.0

    def refuse_idle(self, context: typer.Context) -> None:
        """Refuse options that say how to do what is not asked for."""
        if not (self.project or self.project_off):
            refuse_unused(context, "no --project", "project_lam")

    def read(self) -> Any:
        """Return them as one adjustment, None without any."""
        from trimtab.interventions import parse_adjustment

        return parse_adjustment(
            self.add_words,
            self.shift,
            self.shift_after_words,
            self.project,
            self.project_off,
            self.project_lam,
        )


@dataclass(frozen=True)
class SteerOptions:
    """How to change the noise."""

    steer: Annotated[
        list[str],
        typer.Option(
            metavar="FILE=W",
            help="DIRECTION=STRENGTH, MITIGATION or MITIGATION=FACTOR, each a file, folder or Hub "
            "id; repeatable, the effects add up.",
        ),
    ] = field(default_factory=list)
    resample: Annotated[bool, typer.Option(help="Resample directions learned at another size.")] = (
        False
    )

    def refuse_idle(self, context: typer.Context) -> None:
        """Refuse options that say how to do what is not asked for."""
        if not self.steer:
            refuse_unused(context, "no --steer", "resample")

    def read(self, adjusting: AdjustOptions) -> Any:
        """Return them and the adjustment as one intervention; without any, nothing is loaded."""
        from trimtab.interventions import as_intervention, parse_steering

        return parse_steering(self.steer) + as_intervention(None, adjusting.read())

    def fitted(self, intervention: Any, pipe: Any, run: RunOptions) -> Any:
        """Return the intervention, resampled to the pipeline's size if asked for."""
        if not self.resample:
            return intervention
        from trimtab.pipelines import latent_spec

        spec = latent_spec(pipe, height=run.height, width=run.width)
        intervention.check_family(spec.family)
        for direction, _ in intervention.steering.terms:
            if direction.shape != spec.shape:
                note(f"{direction.name}: resampled from {direction.shape} to {spec.shape}")
        return intervention.resampled(spec.shape)
