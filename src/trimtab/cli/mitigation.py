"""The command that moves shares to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.changes import AdjustOptions
from trimtab.cli.console import Bars, note, say, say_json
from trimtab.cli.options import (
    MOST,
    Attributes,
    Json,
    ModelOptions,
    Recogniser,
    RunOptions,
    command_line,
    parse_targets,
    refuse_unused,
)
from trimtab.cli.pictures import Prompts, TargetShares, TargetSource, asked_for
from trimtab.cli.reports import write_report_of

if TYPE_CHECKING:
    from trimtab.workflows import MitigationResult

PYTHON = """\
import trimtab as tt

pipe = {pipe}
mitigation = tt.load_intervention("{file}")  # a file in the store
for steer in (None, mitigation):
    images = tt.generate(pipe, {prompt!r}, range({n}), steer{run})
    print(tt.AuditFrame(tt.classify(images, {attributes!r}{recogniser})))
"""


def mitigate(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    adjusting: AdjustOptions,
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a CEO".')] = None,
    prompts: Prompts = None,
    attribute: Attributes = ["gender"],  # noqa: B006 (typer copies it)
    target: TargetShares = [],  # noqa: B006
    target_source: TargetSource = [],  # noqa: B006
    on: Annotated[
        list[str],
        typer.Option(
            "--on",
            metavar="CONCEPT",
            help="Concept to learn on, repeatable; the prompt's own if unset.",
        ),
    ] = [],  # noqa: B006
    watch: Annotated[
        list[str],
        typer.Option(
            metavar="NAME", help="Another attribute to check for side effects; repeatable."
        ),
    ] = ["gender", "skin_tone", "age"],  # noqa: B006
    concepts: Annotated[
        str | None,
        typer.Option(
            help="Pack of mutually exclusive concepts, by name or YAML file, used to judge whether "
            "a picture still shows the prompt's own."
        ),
    ] = None,
    n: Annotated[
        int,
        typer.Option("--n", "-n", min=2, max=MOST, help="Audit pictures of each prompt and set."),
    ] = 100,
    n_capture: Annotated[int, typer.Option(help="Seeds a group to learn from.")] = 50,
    n_rates: Annotated[
        int | None,
        typer.Option(
            help="Pictures of a prompt that names a group, if few plain pictures show the group; "
            "half of --n if unset."
        ),
    ] = None,
    n_dose: Annotated[int, typer.Option(help="Calibration pictures at each strength.")] = 30,
    precision: Annotated[
        float,
        typer.Option(help="How close each share must come to its target; 0 for a single round."),
    ] = 0.05,
    confidence: Annotated[
        float,
        typer.Option(help="Confidence level of the interval that must lie within --precision."),
    ] = 0.90,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Most pictures for refining the strength of one direction, or of the sum."
        ),
    ] = None,
    controls: Annotated[
        int,
        typer.Option(
            help="Random directions to compare with each learned one, at the same strength."
        ),
    ] = 0,
    generic: Annotated[
        bool, typer.Option(help="Add the paper's method: an SVM on the groups' own prompts.")
    ] = False,
    local: Annotated[
        bool,
        typer.Option(
            help="Change only the places of a picture where each direction acts most, so that "
            "less else changes.",
        ),
    ] = False,
    recogniser: Recogniser = None,
    out: Annotated[
        str, typer.Option(help="Store for all results; a rerun resumes there.")
    ] = "runs/mitigate",
    json: Json = False,
) -> None:
    """Learn what moves shares to a target, and measure the effect.

    Finds a direction for each attribute, and the strengths that reach the target.
    """
    from trimtab.concepts import attribute as look_up

    texts = asked_for(prompt, prompts)
    adjusting.refuse_idle(context)
    if not precision:
        refuse_unused(context, "--precision 0", "confidence", "budget")
    wanted = [look_up(name) for name in attribute]
    targets = parse_targets(target, target_source, wanted)
    from trimtab.storage import Store
    from trimtab.workflows import Plan

    plan = Plan(
        texts,
        wanted,
        target=targets or None,
        on=on or None,
        watch=watch,
        concepts=concepts,
        n=n,
        n_capture=n_capture,
        n_rates=n_rates,
        n_dose=n_dose,
        precision=precision or None,
        confidence=confidence,
        budget=budget,
        controls=controls,
        generic=generic,
        adjust=adjusting.read(),
        local=local,
        **run.to_dict(),
    )
    store = Store(out)
    from trimtab.workflows import mitigate as run_mitigate

    pipe = model.load()
    note(
        f"at most {plan.pictures:,} pictures, {plan.n * len(texts)} in each audited set, and "
        f"{plan.captures} captures, which stop after a few steps"
    )
    with Bars() as bars:
        result = run_mitigate(
            pipe,
            plan,
            to=store,
            recogniser=recogniser,
            device=model.device,
            oracle=model.oracle(),
            progress=bars,
        )
    result = result.repeated_by(
        command_line(context, "out", "json"), python_of(result, model.python(), run, recogniser)
    )
    page = write_report_of(result)
    if json:
        say_json(result.to_dict())
    else:
        say(f"{result}\n\nMitigation: {store.url}/{result.file}\n{page}")


def python_of(
    result: MitigationResult, pipe: str, run: RunOptions, recogniser: str | None = None
) -> str:
    """Return the lines of Python that apply a mitigation, and look at what it does."""
    attributes = [one.learned.attribute for one in result.attributes]
    return PYTHON.format(
        pipe=pipe,
        file=result.file,
        prompt=result.prompts[0] if len(result.prompts) == 1 else list(result.prompts),
        n=result.seeds["audit"][1],
        run=run.python(),
        recogniser="" if recogniser is None else f", {recogniser!r}",
        attributes=attributes[0] if len(attributes) == 1 else attributes,
    )
