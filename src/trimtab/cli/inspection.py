"""The command that shows the contents of a file, picture or store."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.console import say, say_json
from trimtab.cli.options import Json


def inspect(
    item: Annotated[
        str,
        typer.Argument(help="Direction or mitigation (file, folder or Hub id), picture, or store."),
    ],
    json: Json = False,
) -> None:
    """Show what a file, picture or store holds.

    Prints the contents, and for pictures the command that makes them again.
    """
    from trimtab.cli.facts import inspected

    facts, text = inspected(item)
    if json:
        say_json(facts)
    else:
        say(text)
