"""The command that learns a direction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.cli.console import Bars, note, say, say_json
from trimtab.cli.options import MOST, Json, ModelOptions, RunOptions, Seed, local
from trimtab.errors import FileError, UsageError

CHANCE = 0.5  # accuracy of guessing between a group and its opposite
ESTIMATORS = {"mean": "MeanDifference", "svm": "SVMDirection", "logistic": "LogisticDirection"}


def learn(
    attribute: Annotated[
        str, typer.Argument(help="An attribute in the catalogue, or a YAML file.")
    ],
    model: ModelOptions,
    run: RunOptions,
    towards: Annotated[
        str | None, typer.Option(help="Group to point to; the first of two groups if unset.")
    ] = None,
    on: Annotated[
        list[str],
        typer.Option(
            "--on", metavar="CONCEPT", help='Concept to learn on, e.g. "doctor"; repeatable.'
        ),
    ] = [],  # noqa: B006 (typer copies it)
    estimator: Annotated[
        str,
        typer.Option(help="mean (mean difference), svm (as in the paper) or logistic."),
    ] = "mean",
    step: Annotated[
        int | None,
        typer.Option(help="Completed steps to learn after; chosen by accuracy if unset."),
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=2, max=MOST, help="Seeds a group.")] = 50,
    seed: Seed = None,
    out: Annotated[str, typer.Option(help="The file to write.")] = "direction.safetensors",
    keep: Annotated[
        str | None, typer.Option(help="Store for the captured latents, so that a rerun can resume.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence to record in the file, e.g. cc-by-4.0.")
    ] = None,
    json: Json = False,
) -> None:
    """Learn a direction from two prompts and write it to a file."""
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before the work, and before torch is loaded for it.
    wanted = look_up(attribute)
    if towards is not None:
        towards = wanted.group(towards).name
    elif len(wanted.groups) > 2:
        raise UsageError(
            got=f"{len(wanted.groups)} groups and no --towards",
            expected=f"one of {', '.join(wanted.names)}",
            do="name the group that the direction should point to",
        )
    fit, file = _estimator(estimator), _direction_file(local(out, "--out"))
    from trimtab.latents import CAPTURE_SEEDS
    from trimtab.storage import Store, scratch_store

    store = scratch_store() if keep is None else Store(keep)
    from trimtab.workflows import learn as run_learn

    pipe = model.load()
    with Bars() as bars:
        result = run_learn(
            pipe,
            wanted,
            towards=towards,
            on=on,
            estimator=fit,
            n=n,
            first_seed=CAPTURE_SEEDS.start if seed is None else seed,
            steps=None if step is None else [step],
            to=store,
            licence=licence,
            progress=bars,
            **run.to_dict(),
        )
    result.direction.save(file)
    if json:
        say_json(result.to_dict() | {"file": str(out)})
        return
    say(f"{result}\nwritten to {out}")
    low = result.accuracy_interval[0]
    if low <= CHANCE:
        note(
            f"warning: the accuracy interval reaches down to {low:.2f}, and chance is {CHANCE}: "
            "the direction may carry no signal; use more seeds or other steps"
        )


def _estimator(name: str) -> Any:
    if name not in ESTIMATORS:
        raise UsageError(
            got=f"--estimator {name!r}", expected=f"one of {', '.join(ESTIMATORS)}", do="choose one"
        )
    from trimtab import interventions

    return getattr(interventions, ESTIMATORS[name])()


def _direction_file(out: Path) -> Path:
    """Refuse a path that is not writable, or holds another kind of file, before work begins."""
    from trimtab.interventions import Direction
    from trimtab.storage import write_atomic

    if not out.exists():
        write_atomic(out, b"")  # the same way the result will be written
        out.unlink()
        return out
    try:
        Direction.load(out)
    except FileError as error:
        raise FileError(
            got=f"--out {out}, which exists and is not a direction",
            expected="a new file, or a direction to replace",
            do="choose another name",
        ) from error
    return out
