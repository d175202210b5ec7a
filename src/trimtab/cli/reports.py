"""The command that writes a report again, and the report at the end of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.console import say, say_json
from trimtab.cli.options import Json, local

if TYPE_CHECKING:
    from trimtab.workflows.results import AnyResult


def report(
    store: Annotated[
        str, typer.Argument(help="Store written by audit, understand, mitigate and others.")
    ],
    name: Annotated[str | None, typer.Argument(help="Result to report; all if unset.")] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder to write to; the store itself if unset.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the report of a store again, without loading a model."""
    from trimtab.report import write_report
    from trimtab.workflows import load_result

    folder = None if out is None else local(out, "--out")
    page = write_report(store if name is None else load_result(store, name), to=folder)
    if json:
        say_json({"report": str(page)})
    else:
        say(f"Report: {page}")


def write_report_of(result: AnyResult) -> str:
    """Write the report of a result that was just made; say where, or how to get one.

    A store on another machine takes no report: a page is read where it lies.
    """
    from trimtab.report import write_report

    assert result.store is not None
    if result.store.folder is None:
        return f"Report: trimtab report {result.store.url} {result.name} --out FOLDER"
    return f"Report: {write_report(result)}"
