"""The command that says whether pictures follow their noise."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.console import Bars, say, say_json
from trimtab.cli.options import (
    MOST,
    Attributes,
    Json,
    ModelOptions,
    Recogniser,
    RunOptions,
    Seed,
    command_line,
    refuse_unused,
)
from trimtab.cli.pictures import asked_for
from trimtab.cli.reports import write_report_of


def sensitivity(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a doctor".')] = None,
    prompts: Annotated[
        str | None,
        typer.Option(help="Your own paraphrases, in a text file with one per line."),
    ] = None,
    paraphrases: Annotated[int, typer.Option(min=2, help="Paraphrases to make of the prompt.")] = 8,
    attribute: Attributes = ["gender"],  # noqa: B006 (typer copies it)
    n: Annotated[int, typer.Option("--n", "-n", min=2, max=MOST, help="Seeds.")] = 50,
    exchanged: Annotated[
        int,
        typer.Option(
            min=0,
            help="Additional pictures that tell the initial noise from what a scheduler draws "
            "later; 0 for none.",
        ),
    ] = 10,
    seed: Seed = None,
    recogniser: Recogniser = None,
    out: Annotated[
        str | None, typer.Option(help="Store for pictures, observations and report.")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether pictures follow their noise.

    Steering needs that. Draws paraphrases of a prompt from the same seeds.
    """
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before torch and diffusers are loaded, which takes seconds.
    texts = asked_for(prompt, prompts)
    if len(texts) > 1:
        refuse_unused(context, "--prompts", "paraphrases")
    wanted = [look_up(name) for name in attribute]
    from trimtab.latents import AUDIT_SEEDS
    from trimtab.storage import Store

    store = None if out is None else Store(out)
    from trimtab.workflows import sensitivity as analyse

    with Bars() as bars:
        result = analyse(
            model.load(),
            texts,
            wanted,
            paraphrases=paraphrases,
            to=store,
            n=n,
            exchanged=exchanged,
            first_seed=AUDIT_SEEDS.start if seed is None else seed,
            recogniser=recogniser,
            device=model.device,
            progress=bars,
            **run.to_dict(),
        )
    result = result.repeated_by(command_line(context, "out", "json"))
    report = None if store is None else write_report_of(result)
    if json:
        say_json(result.to_dict())
    elif report is None:
        say(str(result))
    else:
        say(f"{result}\n\nKept in {out}. {report}")
