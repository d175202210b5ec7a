"""The command that compares two folders of pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.console import Bars, say, say_json
from trimtab.cli.options import Attributes, Json, Recogniser, local


def compare(
    before: Annotated[str, typer.Argument(help="A folder of pictures.")],
    after: Annotated[str, typer.Argument(help="Another.")],
    attribute: Attributes = ["gender"],  # noqa: B006 (typer copies it)
    paired: Annotated[
        bool,
        typer.Option("--paired", help="Pair pictures by the names of their files, not by seed."),
    ] = False,
    recogniser: Recogniser = None,
    device: Annotated[str, typer.Option(help="Device: auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    json: Json = False,
) -> None:
    """Compare whom the pictures in two folders show.

    Pictures are compared in pairs where their seeds are known.
    """
    from trimtab.concepts import attribute as look_up

    wanted = [look_up(name) for name in attribute]
    folders = local(before, "BEFORE"), local(after, "AFTER")
    from trimtab.workflows import compare_images

    with Bars() as bars:
        result = compare_images(
            *folders, wanted, paired=paired, recogniser=recogniser, device=device, progress=bars
        )
    if json:
        say_json(result.to_dict())
    else:
        say(str(result))
