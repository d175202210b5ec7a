"""The demo: mitigations on the embedded model, also judged by the oracle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.console import Bars, say, say_json
from trimtab.cli.mitigation import python_of
from trimtab.cli.options import Json, RunOptions, command_line, local
from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.workflows import MitigationResult, Plan

WATCHED = ("age", "glasses", "jewellery")
JOBS = {"quick": ("doctor",), "standard": ("doctor",), "full": ("doctor", "nurse", "teacher")}
SHOWN = 8  # seeds in before-after.png: the first audit seeds, not hand-picked


def demo(
    context: typer.Context,
    out: Annotated[
        str | None, typer.Option(help="Store to write; runs/demo, runs/demo-quick, …")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Gender only, 40 pictures per set.")] = False,
    full: Annotated[bool, typer.Option(help="Three jobs, 200 pictures per set.")] = False,
    json: Json = False,
) -> None:
    """Audit, learn, steer and audit again on the embedded model.

    Writes a report.
    """
    if quick and full:
        raise UsageError(got="--quick and --full", expected="one of them", do="leave one out")
    size = "quick" if quick else "full" if full else "standard"
    folder = place_of(out, quick=quick, full=full)
    from trimtab import townsfolk
    from trimtab.report import write_report
    from trimtab.storage import Store
    from trimtab.workflows import mitigate

    begun, store, results = time.monotonic(), Store(folder), []
    with Bars() as bars:
        pipe = townsfolk.load()
        for job in JOBS[size]:
            result = mitigate(
                pipe, plan_of(job, size), to=store, oracle=townsfolk.judge, progress=bars
            )
            command = command_line(context, "out", "json")
            run = RunOptions(batch_size=result.settings["batch_size"])
            python = python_of(result, "tt.townsfolk.load()", run)
            results.append(result.repeated_by(command, python))
    page = write_report(store)
    before_after(results[0], folder / "before-after.png")
    seconds = round(time.monotonic() - begun, 1)
    if json:
        say_json({"seconds": seconds, "results": [one.to_dict() for one in results]})
    else:
        say("\n\n".join(map(str, results)))
        say(f"\n{seconds:.0f} s. Report: {page}")


def place_of(out: str | None, *, quick: bool, full: bool) -> Path:
    """Return the folder of the demo's store."""
    size = "-quick" if quick else "-full" if full else ""
    return Path("runs", f"demo{size}") if out is None else local(out, "--out")


def plan_of(job: str, size: str) -> Plan:
    """Return the plan for one job at one size: quick, standard or full."""
    from trimtab.concepts import prompt_for
    from trimtab.workflows import Plan

    sizes: dict[str, dict[str, Any]] = {
        "quick": {"n": 40, "n_capture": 20, "n_dose": 24, "controls": 1, "batch_size": 8},
        "standard": {"controls": 1},
        "full": {"n": 200, "n_dose": 80, "controls": 3, "generic_doses": True},
    }
    both = ("gender", "skin_tone")
    steered = both[:1] if size == "quick" else both
    return Plan(
        prompt_for(job),
        steered,
        watch=(*both[len(steered) :], *WATCHED),
        concepts="townsfolk",
        generic=True,
        precision=None,
        **sizes[size],
    )


def before_after(result: MitigationResult, to: Path) -> None:
    """Write a PNG of the same seeds: plain, steered by the first direction, and by the sum."""
    from trimtab.drawing import write_strip

    rows = {}
    for arm in result.arms:
        first = result.attributes[0].learned.attribute
        if arm.role in ("plain", "sum") or (arm.role == "single" and arm.attribute == first):
            rows[label_of(result, arm.name)] = result.pictures(arm, range(SHOWN))
    write_strip(rows, to)


def label_of(result: MitigationResult, name: str) -> str:
    """Say what was added to the noise, and what the recogniser then saw."""
    from trimtab.drawing.words import group_label

    arm = result.arm(name)
    view = arm.views[0]
    shown = [
        f"{view.of(one.learned.attribute).shares[one.learned.towards].value:.0%} "  # type: ignore[union-attr]
        f"{group_label(one.learned.towards)}"
        for one in result.attributes
        if arm.attribute in (None, one.learned.attribute)
    ]
    towards = {one.learned.hash: one.learned.towards for one in result.attributes}
    terms = " + ".join(
        f"{term['strength']:.1f} × {towards[term['hash']]}"
        for term in arm.intervention["steering"]["terms"]
    )
    if not terms:
        return f"plain; perceived in {arm.n} pictures: {', '.join(shown)}"
    return f"noise + {terms}: {', '.join(shown)}"
