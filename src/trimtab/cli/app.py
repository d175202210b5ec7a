"""The commands of the command line and the options common to all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab import __version__
from trimtab.cli import (
    catalogue,
    comparison,
    demo,
    directions,
    inspection,
    mitigation,
    paper,
    pictures,
    reports,
    sensitivity,
    understanding,
)
from trimtab.cli.console import say
from trimtab.cli.options import grouped

app = typer.Typer(
    name="trimtab",
    help="Measure whom a text-to-image model shows, learn a direction, steer the initial noise.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # tables would cut the names of options at 80 columns
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
        typer.Option("--debug", envvar="TRIMTAB_DEBUG", help="Show the traceback of an error."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Accept the options that precede a command; `main` reads `debug`."""


for _command in (
    demo.demo,
    pictures.audit,
    comparison.compare,
    sensitivity.sensitivity,
    understanding.understand,
    directions.learn,
    mitigation.mitigate,
    paper.paper,
    pictures.generate,
    reports.report,
    inspection.inspect,
    catalogue.models,
    catalogue.attributes,
):
    app.command()(grouped(_command))
