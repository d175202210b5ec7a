"""The options that several commands share, under diffusers' names where it has one."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.console import note
from trimtab.errors import FileError, UsageError

if TYPE_CHECKING:
    from trimtab.interventions import Steering

EMBEDDED = "townsfolk"
MOST = 10_000  # pictures of one command: as many as each purpose has seeds
ESTIMATORS = {"mean": "MeanDifference", "svm": "SVMDirection", "logistic": "LogisticDirection"}
STRONGEST = 100.0  # standard deviations; long before that there is nothing left but the direction

Model = Annotated[
    str,
    typer.Option(
        help='"townsfolk" (embedded), a folder in the diffusers layout, a Hub id, or one '
        ".safetensors file."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Dtype = Annotated[str | None, typer.Option(help="float32, float16 or bfloat16.")]
Revision = Annotated[str | None, typer.Option(help="Of the Hub repository.")]
Variant = Annotated[str | None, typer.Option(help="Of the weights, e.g. fp16.")]
Config = Annotated[
    str | None, typer.Option(help="For a single-file model: folder or Hub id of its pipeline.")
]
Offload = Annotated[
    str | None,
    typer.Option(help="model or sequential: weights in main memory, parts at work on it."),
]
Negative = Annotated[
    str | None, typer.Option("--negative-prompt", help="What pictures should not show.")
]
Height = Annotated[int | None, typer.Option(help="Of a picture in pixels; the model's default.")]
Width = Annotated[int | None, typer.Option(help="Of a picture in pixels; the model's default.")]
Resample = Annotated[
    bool, typer.Option("--resample", help="Fit directions that were learned at another size.")
]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; the model's default if unset.")]
Guidance = Annotated[float | None, typer.Option(help="Guidance scale; the model's default.")]
Seed = Annotated[int | None, typer.Option(help="First seed; the others follow it.")]
Batch = Annotated[int, typer.Option(help="Images in one call of the pipeline.")]
Attributes = Annotated[
    list[str], typer.Option("--attribute", "-a", help="Name or YAML file; repeatable.")
]
Steer = Annotated[
    list[str],
    typer.Option("--steer", help="FILE=STRENGTH or HUB-ID=STRENGTH; repeatable, they add up."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Out = Annotated[Path, typer.Option(help="Folder to write; a rerun continues there.")]


def load(model: str, **options: Any) -> Any:
    """Load a pipeline by name, as `load_model` does; "townsfolk" is the embedded one."""
    if model != EMBEDDED and not Path(model).exists() and get_close_matches(model, [EMBEDDED]):
        raise UsageError(
            got=f"--model {model!r}",
            expected=f"{EMBEDDED}, a folder, a file, or a Hub id",
            do=f"did you mean {EMBEDDED}?",
        )
    from trimtab.pipelines import load_model

    if model == EMBEDDED:
        from trimtab import townsfolk

        for name in ("revision", "variant", "config"):
            if options.get(name) is not None:
                raise UsageError(got=f"--{name} for {EMBEDDED}", expected="none", do="leave it out")
        return load_model(townsfolk.model_folder(), **options)
    return load_model(model, **options)


def count(n: int, least: int = 1) -> int:
    """Check a number of pictures or seeds."""
    if not least <= n <= MOST:
        raise UsageError(got=f"--n {n}", expected=f"{least} to {MOST}", do="choose another number")
    return n


def steering(given: list[str]) -> Steering:
    """Add up what stands after every ``--steer``."""
    from trimtab.interventions import Direction, Steering

    total = Steering()
    for item in given:
        name, _, text = item.rpartition("=")
        strength = _strength(item, name, text)
        total = total + strength * Direction.find(name)
    return total


def fitted(steering: Steering, pipe: Any, *, height: int | None, width: int | None) -> Steering:
    """Resample what was learned at another size, and say so."""
    from trimtab.interventions import Steering
    from trimtab.pipelines import latent_spec

    spec = latent_spec(pipe, height=height, width=width)
    steering.check_family(spec.family)
    new = Steering(
        (direction.resampled(spec.shape), strength) for direction, strength in steering.terms
    )
    for direction, _ in steering.terms:
        if direction.shape != spec.shape:
            note(f"{direction.name}: resampled from {direction.shape} to {spec.shape}")
    return new


def _strength(item: str, file: str, text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        file = ""
    if not file:
        raise UsageError(
            got=f"--steer {item!r}",
            expected="FILE=STRENGTH, e.g. woman.safetensors=3.5",
            do="add the strength in standard deviations of the noise",
        )
    if not -STRONGEST <= strength <= STRONGEST:  # NaN is neither
        raise UsageError(
            got=f"strength {text} in --steer {item!r}",
            expected=f"a number from {-STRONGEST:g} to {STRONGEST:g}",
            do="choose another; 1 to 10 is usual",
        )
    return strength


def estimator(name: str) -> Any:
    """Make an estimator by its short name."""
    if name not in ESTIMATORS:
        raise UsageError(
            got=f"--estimator {name!r}", expected=f"one of {', '.join(ESTIMATORS)}", do="choose one"
        )
    from trimtab import interventions

    return getattr(interventions, ESTIMATORS[name])()


def direction_file(out: Path) -> Path:
    """Refuse a place that cannot be written, or holds no direction, before the work begins."""
    from trimtab.interventions import Direction
    from trimtab.storage import write_atomic

    if not out.exists():
        write_atomic(out, b"")  # as will be done in the end
        out.unlink()

    if out.exists():
        try:
            Direction.load(out)
        except FileError as error:
            raise FileError(
                got=f"--out {out}, which is there and is no direction",
                expected="a new file, or a direction to replace",
                do="choose another name",
            ) from error
    return out
