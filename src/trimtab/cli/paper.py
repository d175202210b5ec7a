"""The command that runs the panels of the paper, or a user's own."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from trimtab.cli.console import Bars, note, say, say_json
from trimtab.cli.options import (
    MOST,
    Json,
    ModelOptions,
    Recogniser,
    RunOptions,
    command_line,
    refuse_unused,
)
from trimtab.cli.reports import write_report_of
from trimtab.cli.workers import run_beforehand

QUICK: dict[str, Any] = {
    "n": 40, "n_capture": 15, "n_dose": 10, "n_grid": 10, "n_transfer": 0, "n_sensitivity": 10,
    "controls": 0, "precision": None, "generic": False, "n_rates": 0,
}  # fmt: skip
PYTHON = """\
import trimtab as tt

pipe = {pipe}
result = tt.PanelsResult.load("{store}", "{name}")
for one in result.mitigations():
    images = tt.generate(pipe, one.prompts[0], range(8), one.intervention, **one.settings)
    print(one.prompts[0], *images.seeds)
"""


def paper(
    context: typer.Context,
    model: ModelOptions,
    run: RunOptions,
    panels: Annotated[
        str,
        typer.Option(metavar="FILE", help="YAML file of panels, or a list: paper, paper-sdxl."),
    ] = "paper",
    quick: Annotated[
        bool, typer.Option(help="Three panels, small sets and a coarse grid, in minutes.")
    ] = False,
    n: Annotated[
        int, typer.Option("--n", "-n", min=2, max=MOST, help="Audit pictures of each set.")
    ] = 200,
    n_capture: Annotated[int, typer.Option(help="Seeds a group to learn from.")] = 50,
    n_dose: Annotated[int, typer.Option(help="Calibration pictures at each strength.")] = 30,
    n_grid: Annotated[int, typer.Option(help="Pictures of each cell of the grid.")] = 24,
    n_transfer: Annotated[
        int | None,
        typer.Option(
            help="Pictures of each transfer, and of each other setting; 100 or --n if unset, 0 for "
            "none."
        ),
    ] = None,
    n_sensitivity: Annotated[
        int, typer.Option(help="Seeds to tell whether pictures follow their noise; 0 for none.")
    ] = 50,
    precision: Annotated[
        float,
        typer.Option(help="How close each share must come to its target; 0 for a single round."),
    ] = 0.05,
    controls: Annotated[
        int, typer.Option(help="Random directions to compare with each learned one.")
    ] = 0,
    local: Annotated[
        bool, typer.Option(help="Use local directions, so that less else changes.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the panels, each with the model.")
    ] = 1,
    recogniser: Recogniser = None,
    out: Annotated[
        str, typer.Option(help="Store for all results; a rerun resumes there.")
    ] = "runs/paper",
    json: Json = False,
) -> None:
    """Run the panels of the paper, or your own.

    For each, a mitigation and a grid of steps and weights, in one report, with the paper's claims
    beside what was measured.
    """
    from trimtab.concepts.panels import panels_from
    from trimtab.storage import Store
    from trimtab.workflows import run_panels

    sizes: dict[str, Any] = {
        "n": n,
        "n_capture": n_capture,
        "n_dose": n_dose,
        "n_grid": n_grid,
        "n_transfer": n_transfer,
        "n_sensitivity": n_sensitivity,
        "controls": controls,
        "precision": precision or None,
    }
    if quick:
        refuse_unused(context, "--quick", *sizes)
        sizes = QUICK
        listed = panels_from("paper-quick") if panels == "paper" else panels_from(panels).first(3)
    else:
        listed = panels_from(panels)
    begun, options = time.monotonic(), {**sizes, "local": local, **run.to_dict()}
    options |= {"recogniser": recogniser, "device": model.device}
    store = Store(out)
    with Bars() as bars:
        if workers > 1:
            run_beforehand(workers, model, listed, out, options, bars)
        pipe = model.load()
        result = run_panels(pipe, listed, to=store, oracle=model.oracle(), progress=bars, **options)
    python = PYTHON.format(pipe=model.python(), store=store.url, name=result.name)
    result = result.repeated_by(command_line(context, "out", "json", "workers"), python)
    page = write_report_of(result)
    if json:
        say_json(result.to_dict())
    else:
        say(f"{result}\n\n{page}")
        note(f"{time.monotonic() - begun:.0f} s")
