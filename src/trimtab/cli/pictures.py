"""The commands that generate pictures and audit them."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.changes import AdjustOptions, SteerOptions
from trimtab.cli.console import Bars, say, say_json
from trimtab.cli.options import (
    Attributes,
    Json,
    ModelOptions,
    Pictures,
    Recogniser,
    RunOptions,
    SecondRecogniser,
    Seed,
    command_line,
    local,
    names_of,
    parse_targets,
    refuse_unused,
)
from trimtab.cli.reports import write_report_of
from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.generation import ImageSet
    from trimtab.storage import Store

Prompts = Annotated[
    str | None,
    typer.Option(
        help="Several prompts: a text file with one per line, a YAML pack, or the name of a pack "
        "(winobias)."
    ),
]
TargetShares = Annotated[
    list[str],
    typer.Option(
        "--target",
        metavar="GROUP=SHARE",
        help="Target share of a group, e.g. woman=0.3; repeatable.",
    ),
]
TargetSource = Annotated[
    list[str],
    typer.Option(metavar="TEXT", help="Source of the target, printed wherever the target is."),
]


def audit(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    steering: SteerOptions,
    adjusting: AdjustOptions,
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a doctor".')] = None,
    prompts: Prompts = None,
    images: Annotated[
        str | None, typer.Option(help="A folder of pictures, instead of a prompt.")
    ] = None,
    attribute: Attributes = ["gender"],  # noqa: B006 (typer copies it)
    target: TargetShares = [],  # noqa: B006
    target_source: TargetSource = [],  # noqa: B006
    n: Pictures = 100,
    seed: Seed = None,
    recogniser: Recogniser = None,
    second_recogniser: SecondRecogniser = None,
    out: Annotated[
        str | None, typer.Option(help="Store for pictures, observations and report.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure whom the pictures of a prompt show, with intervals."""
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before torch and diffusers are loaded, which takes seconds.
    texts = asked_for(prompt, prompts, images=images, pictures=True)
    if images is not None and not images.strip():
        raise UsageError(
            got="--images with an empty name", expected="a folder", do="name it; . is this folder"
        )
    folder = None if images is None else local(images, "--images")
    if folder is not None:
        useless = set(names_of(ModelOptions, RunOptions, SteerOptions, AdjustOptions)) - {"device"}
        refuse_unused(context, "--images", *useless, "n", "seed")
    else:
        steering.refuse_idle(context)
        adjusting.refuse_idle(context)
    wanted = [look_up(name) for name in attribute]
    targets = parse_targets(target, target_source, wanted) or None
    from trimtab.latents import AUDIT_SEEDS
    from trimtab.storage import Store

    intervention, store = steering.read(adjusting), None if out is None else Store(out)
    from trimtab.workflows import audit as run_audit
    from trimtab.workflows import audit_images

    with Bars() as bars:
        if folder is not None:
            result = audit_images(
                folder,
                wanted,
                target=targets,
                to=store,
                recogniser=recogniser,
                second_recogniser=second_recogniser,
                device=model.device,
                progress=bars,
            )
        else:
            pipe = model.load()
            result = run_audit(
                pipe,
                texts,
                wanted,
                target=targets,
                to=store,
                n=n,
                first_seed=AUDIT_SEEDS.start if seed is None else seed,
                steer=steering.fitted(intervention, pipe, run),
                recogniser=recogniser,
                second_recogniser=second_recogniser,
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


def generate(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    steering: SteerOptions,
    adjusting: AdjustOptions,
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a doctor".')] = None,
    prompts: Prompts = None,
    n: Pictures = 8,
    seed: Seed = None,
    out: Annotated[
        str, typer.Option(help="Store for the pictures; a rerun resumes there.")
    ] = "runs/generate",
    json: Json = False,
) -> None:
    """Generate pictures, optionally from steered noise."""
    texts = asked_for(prompt, prompts)
    steering.refuse_idle(context)
    adjusting.refuse_idle(context)
    from trimtab.latents import AUDIT_SEEDS
    from trimtab.storage import Store

    first, intervention = AUDIT_SEEDS.start if seed is None else seed, steering.read(adjusting)
    store = Store(out)
    from trimtab.generation import generate as make

    with Bars() as bars:
        pipe = model.load()
        pictures = make(
            pipe,
            texts,
            range(first, first + n),
            steering.fitted(intervention, pipe, run),
            to=store,
            progress=bars,
            **run.to_dict(),
        )
    if json:
        facts = {"seeds": pictures.seeds, "settings": pictures.settings}
        say_json({"store": out, "prompts": texts, **facts, "specs": pictures.documents})
    else:
        say(_made(pictures, texts, store))


def _made(pictures: ImageSet, texts: Sequence[str], store: Store) -> str:
    """Say which pictures were made, where they lie, and how to look at one."""
    from trimtab.drawing.words import number_of
    from trimtab.storage.pictures import file_of

    what = repr(texts[0]) if len(texts) == 1 else f"{len(texts)} prompts"
    first, last = min(pictures.seeds), max(pictures.seeds)
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    files = [file_of(one.spec, one.prompt, one.seed) for one in pictures.records]
    folder = posixpath.commonpath([posixpath.dirname(file) for file in files])
    shown = store.url if store.folder is None else f"{store.url}/{files[0]}"
    return (
        f"{number_of(len(pictures), 'picture')} of {what}, {seeds}, in {store.url}/{folder}\n"
        f"How one was made, and how to make it again: {shlex.join(['trimtab', 'inspect', shown])}"
    )


def asked_for(
    prompt: str | None, prompts: str | None, *, images: str | None = None, pictures: bool = False
) -> tuple[str, ...]:
    """Return the prompts; none for a folder of pictures, where a command takes `pictures`.

    Raises
    ------
    UsageError
        If not exactly one of them is given, or the prompts are wrong.
    """
    from trimtab.concepts import prompts_from

    given = {"a prompt": prompt, "--prompts": prompts, "--images": images}
    said = [name for name, value in given.items() if value is not None]
    if len(said) != 1:
        raise UsageError(
            got=" and ".join(said) or "no prompt",
            expected="a prompt, --prompts" + (" or --images" if pictures else ""),
            do='give one of them, e.g. "a photo of a doctor"',
        )
    if prompts is not None:
        return prompts_from(Path(prompts))
    return () if prompt is None else prompts_from([prompt])
