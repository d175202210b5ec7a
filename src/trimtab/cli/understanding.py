"""The command that explains what a model connects with a concept."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.console import Bars, note, say, say_json
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
from trimtab.cli.reports import write_report_of
from trimtab.drawing.words import number_of
from trimtab.errors import UsageError

SHORT = 20  # attributes that need no estimate beforehand
QUICK = (20, 10)  # pictures of the concept, and of each attribute


def understand(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a doctor".')] = None,
    attribute: Attributes = ["gender", "skin_tone", "age"],  # noqa: B006 (typer copies it)
    words: Annotated[
        str | None,
        typer.Option(
            help="Further words to associate: a list of phrases by its name or .yaml file. "
            "Default: a short list of looks and things."
        ),
    ] = None,
    word: Annotated[
        list[str], typer.Option(help="A single word instead of a list; repeatable.")
    ] = [],  # noqa: B006
    unrelated: Annotated[
        str | None,
        typer.Option(help="List of words to compare cosines with; default nouns unlike any."),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Hub id or folder of a detector, e.g. google/owlv2-base-patch16-ensemble. "
            "Default: none, or that of an embedded model."
        ),
    ] = None,
    discover: Annotated[
        bool,
        typer.Option(
            help="Also name what pictures show more or less often than those of --reference."
        ),
    ] = False,
    reference: Annotated[
        str, typer.Option(help="The prompt to compare with.")
    ] = "a photo of a person",
    vocabulary: Annotated[
        list[str],
        typer.Option(
            help="What may be named: a list of phrases by its name or .yaml file; repeatable. "
            "Default: all lists of trimtab, or the words of an embedded model."
        ),
    ] = [],  # noqa: B006
    n: Annotated[
        int, typer.Option("--n", "-n", min=2, max=MOST, help="Pictures of the concept.")
    ] = 50,
    n_each: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, help="Pictures of each attribute; as --n if unset."),
    ] = None,
    quick: Annotated[bool, typer.Option(help="Few pictures, for a first look.")] = False,
    seed: Seed = None,
    recogniser: Recogniser = None,
    out: Annotated[
        str, typer.Option(help="Store for pictures, observations and report.")
    ] = "runs/understand",
    json: Json = False,
) -> None:
    """Explain what a model connects with a concept and shows.

    Compares texts, pictures and what is seen in them, and says where these disagree.
    """
    from trimtab.concepts import OVERVIEW, phrase_list, prompts_from
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before torch and diffusers are loaded, which takes seconds.
    if prompt is None:
        raise UsageError(got="no prompt", expected="one", do='give it, e.g. "a photo of a doctor"')
    ((text,), (against,)) = prompts_from([prompt]), prompts_from([reference])
    asked = [look_up(name) for name in attribute]
    if quick:
        refuse_unused(context, "--quick", "n", "n_each")
        n, n_each = QUICK
    if word:
        refuse_unused(context, "--word", "words")
    if not discover:
        refuse_unused(context, "a run without --discover", "reference", "vocabulary")
    listed = phrase_list(word or words or model.phrases("looks") or OVERVIEW)
    null = phrase_list(unrelated or model.phrases("unrelated") or "unrelated")
    own = model.phrases("backgrounds")
    named = [*map(phrase_list, vocabulary)] or ([own] if own else None)
    each = n if n_each is None else n_each
    entries = sum(len(one.groups) for one in asked) + len(listed.phrases)
    if entries > SHORT:
        pictures = number_of(n * (1 + discover) + entries * each, "picture")
        note(f"{entries} attributes: up to {pictures} to make")
    from trimtab.latents import AUDIT_SEEDS
    from trimtab.storage import Store

    store = Store(out)
    from trimtab.workflows import understand as explain

    with Bars() as bars:
        result = explain(
            model.load(),
            text,
            asked,
            words=listed,
            unrelated=null,
            detector=detector or model.detector(),
            reference=against if discover else None,
            vocabulary=named,
            to=store,
            first_seed=AUDIT_SEEDS.start if seed is None else seed,
            recogniser=recogniser,
            device=model.device,
            progress=bars,
            n=n,
            n_each=each,
            **run.to_dict(),
        )
    result = result.repeated_by(command_line(context, "out", "json"))
    report = write_report_of(result)
    if json:
        say_json(result.to_dict())
    else:
        say(f"{result}\n\nKept in {out}. {report}")
