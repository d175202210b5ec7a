"""The commands. Each one reads its options, calls the public rooms, and prints what they return."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab import __version__
from trimtab.cli import options as o
from trimtab.cli.console import Bars, finite, note, say, say_json
from trimtab.errors import UsageError

CHANCE = 0.5  # accuracy of guessing a group from its opposite

app = typer.Typer(
    name="trimtab",
    help="See what a text-to-image model shows, learn a direction, steer the initial noise.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"trimtab {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="TRIMTAB_DEBUG", help="Show a traceback with an error."),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command; `main` looks at `debug`."""


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; runs/demo, runs/demo-quick, …")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Gender only, 40 pictures an arm.")] = False,
    full: Annotated[bool, typer.Option(help="Three jobs, 200 pictures an arm.")] = False,
    json: o.Json = False,
) -> None:
    """Measure, learn, steer and measure again on the embedded model, and write a report."""
    from trimtab.cli.demo import run_demo, table

    if quick and full:
        raise UsageError(got="--quick and --full", expected="one of them", do="leave one out")
    size = "quick" if quick else "full" if full else "standard"
    with Bars() as bars:
        folder = Path("runs") / ("demo" if size == "standard" else f"demo-{size}")
        summary, page = run_demo(out or folder, size, bars)
    if json:
        say_json(summary)
    else:
        say(table(summary))
        say(f"\nReport: {page}")


@app.command()
def audit(
    prompt: Annotated[str | None, typer.Argument(help='E.g. "a photo of a doctor".')] = None,
    attribute: o.Attributes = ["gender"],  # noqa: B006 (typer copies it)
    n: Annotated[int, typer.Option("--n", "-n", help="Pictures.")] = 100,
    images: Annotated[
        Path | None, typer.Option(help="A folder of pictures, instead of a prompt.")
    ] = None,
    steer: o.Steer = [],  # noqa: B006
    resample: o.Resample = False,
    recogniser: Annotated[
        str | None, typer.Option(help="CLIP or SigLIP id or folder; the model's own if unset.")
    ] = None,
    model: o.Model = "townsfolk",
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    revision: o.Revision = None,
    variant: o.Variant = None,
    config: o.Config = None,
    offload: o.Offload = None,
    inference_steps: o.Steps = None,
    guidance: o.Guidance = None,
    negative: o.Negative = None,
    height: o.Height = None,
    width: o.Width = None,
    seed: o.Seed = None,
    batch_size: o.Batch = 8,
    out: Annotated[Path | None, typer.Option(help="Keep pictures, labels and report here.")] = None,
    json: o.Json = False,
) -> None:
    """Say whom the pictures of a prompt show, with intervals."""
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before torch and diffusers are loaded, which takes seconds.
    if (prompt is None) == (images is None):
        raise UsageError(
            got="neither a prompt nor --images" if prompt is None else "a prompt and --images",
            expected="one of them",
            do='try: trimtab audit "a photo of a doctor"',
        )
    if images is not None and steer:
        raise UsageError(
            got="--images and --steer", expected="pictures yet to be made", do="leave one out"
        )
    wanted = {one.name: one for one in map(look_up, attribute)}  # each once
    n = o.count(n)
    from trimtab.cli.audit_folder import copied, kept_labels
    from trimtab.generation import ImageSet, generate
    from trimtab.latents import AUDIT_SEEDS
    from trimtab.metrics import AuditFrame
    from trimtab.pipelines import model_path
    from trimtab.recognition import classify, recogniser_for, save_labels
    from trimtab.report import report as write_report
    from trimtab.storage import write_json

    first = AUDIT_SEEDS.start if seed is None else seed
    seeds, steering = range(first, first + n), o.steering(steer)
    with Bars() as bars:
        if images is not None:
            pictures = ImageSet.from_folder(images)
            pictures = pictures if out is None else copied(pictures, out)
        else:
            pipe = o.load(
                model, device=device, dtype=dtype, revision=revision,
                variant=variant, config=config, offload=offload,
            )  # fmt: skip
            # Before the pictures, which take long: a recogniser that is not there is no rare thing.
            recogniser_for(ImageSet([], [], model_path=model_path(pipe)), recogniser)
            if resample:
                steering = o.fitted(steering, pipe, height=height, width=width)
            pictures = generate(
                pipe,
                prompt or "",
                seeds,
                steering,
                num_inference_steps=inference_steps,
                guidance_scale=guidance,
                negative_prompt=negative,
                height=height,
                width=width,
                batch_size=batch_size,
                to=out,
                progress=bars,
            )
        labels = [classify(pictures, one, recogniser, progress=bars) for one in wanted.values()]
    frames = [AuditFrame(one) for one in labels]
    record: dict[str, Any] = {
        "prompt": prompt,
        "settings": pictures.settings,  # model, seeds, steering: what decides the pictures
        "threshold": labels[0].threshold,
        "frames": [frame.to_dict() for frame in frames],
    }
    if out is not None:
        kept = kept_labels(out, wanted)
        save_labels(out, [*kept, *labels])
        every = [AuditFrame(one).to_dict() for one in kept] + record["frames"]
        write_json(out / "audit.json", finite(record | {"frames": every}))
        note(f"kept in {out}; report: {write_report(out, to=out)}")
    if json:
        say_json(record)
    else:
        say("\n\n".join(map(str, frames)))


@app.command()
def learn(
    attribute: Annotated[str, typer.Argument(help="Name in the catalogue, or a YAML file.")],
    towards: Annotated[
        str | None, typer.Option(help="The group to point to; of two groups the first if unset.")
    ] = None,
    on: Annotated[
        list[str], typer.Option("--on", help='Learn on a concept, e.g. "doctor"; repeatable.')
    ] = [],  # noqa: B006
    estimator: Annotated[
        str,
        typer.Option(help="mean (of the differences), svm (as in the paper) or logistic."),
    ] = "mean",
    step: Annotated[
        int | None, typer.Option(help="Completed steps to learn at; chosen by accuracy if unset.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="Seeds a group.")] = 50,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("direction.safetensors"),
    keep: Annotated[
        Path | None, typer.Option(help="Keep captured latents here; a rerun continues.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Written into the file, e.g. cc-by-4.0.")
    ] = None,
    model: o.Model = "townsfolk",
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    revision: o.Revision = None,
    variant: o.Variant = None,
    config: o.Config = None,
    offload: o.Offload = None,
    inference_steps: o.Steps = None,
    guidance: o.Guidance = None,
    negative: o.Negative = None,
    height: o.Height = None,
    width: o.Width = None,
    seed: o.Seed = None,
    batch_size: o.Batch = 8,
    json: o.Json = False,
) -> None:
    """Learn a direction from two prompts and write it to a file."""
    from trimtab.concepts import attribute as look_up

    # What can be refused is refused before the work, and before torch is loaded for it.
    wanted, n = look_up(attribute), o.count(n, least=2)
    if towards is not None:
        towards = wanted.group(towards).name
    elif len(wanted.groups) > 2:
        raise UsageError(
            got=f"{len(wanted.groups)} groups and no --towards",
            expected=f"one of {', '.join(wanted.names)}",
            do="name the group that the direction should point to",
        )
    fit, out = o.estimator(estimator), o.direction_file(out)
    from trimtab.interventions import accuracy_by_step, choose_step
    from trimtab.latents import CAPTURE_SEEDS, capture
    from trimtab.pipelines import RunSettings
    from trimtab.workflows.plan import capture_steps

    first = CAPTURE_SEEDS.start if seed is None else seed
    seeds = range(first, first + n)
    pipe = o.load(
        model, device=device, dtype=dtype, revision=revision,
        variant=variant, config=config, offload=offload,
    )  # fmt: skip
    settings = RunSettings(inference_steps, guidance).resolve(pipe)
    with Bars() as bars:
        samples = capture(
            pipe,
            wanted,
            seeds,
            capture_steps(settings.num_inference_steps or 1) if step is None else [step],
            on=on or None,
            to=keep,
            batch_size=batch_size,
            num_inference_steps=inference_steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            height=height,
            width=width,
            progress=bars,
        )
    accuracies = accuracy_by_step(samples, fit, towards=towards)
    chosen = choose_step(accuracies)
    direction = fit.fit(samples, step=chosen, towards=towards).direction_
    if licence is not None:
        direction = direction.annotated(licence=licence)
    direction.save(out)
    if json:
        rows = [row._asdict() for row in accuracies]
        say_json(direction.provenance | {"accuracy_by_step": rows, "file": str(out)})
        return
    for row in accuracies:
        mark = "  <- chosen" if row.step == chosen else ""
        say(f"step {row.step:>3}  accuracy {row.accuracy:.2f} ± {row.standard_error:.2f}{mark}")
    low, high = fit.cv_accuracy_interval_
    say(
        f"{direction.name}, step {chosen}, cross-validated accuracy "
        f"{fit.cv_accuracy_:.2f} [{low:.2f}, {high:.2f}], {n} seeds a group\nwritten to {out}"
    )
    if low <= CHANCE:
        note(
            f"warning: the interval reaches down to {low:.2f}, and guessing gives {CHANCE}: "
            "perhaps nothing was learned; use more seeds or other steps"
        )


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help='E.g. "a photo of a doctor".')],
    n: Annotated[int, typer.Option("--n", "-n", help="Pictures.")] = 8,
    steer: o.Steer = [],  # noqa: B006
    resample: o.Resample = False,
    out: o.Out = Path("runs/generate"),
    model: o.Model = "townsfolk",
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    revision: o.Revision = None,
    variant: o.Variant = None,
    config: o.Config = None,
    offload: o.Offload = None,
    inference_steps: o.Steps = None,
    guidance: o.Guidance = None,
    negative: o.Negative = None,
    height: o.Height = None,
    width: o.Width = None,
    seed: o.Seed = None,
    batch_size: o.Batch = 8,
    json: o.Json = False,
) -> None:
    """Generate pictures, from noise moved along directions."""
    from trimtab.generation import generate as make
    from trimtab.latents import AUDIT_SEEDS

    first = AUDIT_SEEDS.start if seed is None else seed
    seeds, steering = range(first, first + o.count(n)), o.steering(steer)
    with Bars() as bars:
        pipe = o.load(
            model, device=device, dtype=dtype, revision=revision,
            variant=variant, config=config, offload=offload,
        )  # fmt: skip
        if resample:
            steering = o.fitted(steering, pipe, height=height, width=width)
        pictures = make(
            pipe,
            prompt,
            seeds,
            steering,
            num_inference_steps=inference_steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            height=height,
            width=width,
            batch_size=batch_size,
            to=out,
            progress=bars,
        )
    if json:
        say_json(pictures.settings | {"folder": str(out)})
    else:
        say(f"{len(pictures)} pictures of {prompt!r} in {out / 'images'}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder that a demo or an audit wrote.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; the same folder.")] = None,
    json: o.Json = False,
) -> None:
    """Write the report of a finished run again."""
    from trimtab.report import report as write

    page = write(folder, to=out or folder)
    if json:
        say_json({"report": str(page)})
    else:
        say(f"Report: {page}")


@app.command()
def inspect(
    item: Annotated[
        str,
        typer.Argument(help="A direction (file, folder or Hub id), a picture, or a run's folder."),
    ],
    json: o.Json = False,
) -> None:
    """Print what a direction or a picture says of itself, and the command that repeats it."""
    from trimtab.cli.inspection import inspected

    facts, text = inspected(item)
    if json:
        say_json(facts)
    else:
        say(text)


@app.command()
def models(json: o.Json = False) -> None:
    """List the embedded model and the families of pipelines that can be steered."""
    from trimtab.pipelines import known_families

    known = {family.name: list(family.pipelines) for family in known_families()}
    if json:
        say_json({"embedded": ["townsfolk"], "families": known})
        return
    say("townsfolk  embedded; no download")
    for name, classes in known.items():
        say(f"{name}  any model of {', '.join(classes)}, by folder or Hub id")


@app.command()
def attributes(json: o.Json = False) -> None:
    """List the attributes of the catalogue with their groups."""
    from trimtab.concepts import attribute as look_up
    from trimtab.concepts import attributes as names

    found = {name: look_up(name) for name in names()}
    if json:
        say_json({name: list(one.names) for name, one in found.items()})
        return
    width = max(map(len, found))
    for name, one in found.items():
        say(f"{name:<{width}}  {', '.join(one.names)}")
