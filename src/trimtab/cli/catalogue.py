"""The commands that list the available models and attributes."""

from __future__ import annotations

from trimtab.cli.console import say, say_json
from trimtab.cli.options import EMBEDDED, Json


def models(json: Json = False) -> None:
    """List the embedded model and the families that can be steered."""
    from trimtab.pipelines import known_families

    known = {family.name: list(family.pipelines) for family in known_families()}
    if json:
        say_json({"embedded": list(EMBEDDED), "families": known})
        return
    for name in EMBEDDED:
        say(f"{name}  embedded, no download")
    for name, classes in known.items():
        say(f"{name}  any model of {', '.join(classes)}, by folder or Hub id")


def attributes(json: Json = False) -> None:
    """List the attributes in the catalogue and their groups."""
    from trimtab.concepts import attribute as look_up
    from trimtab.concepts import attributes as names

    found = {name: look_up(name) for name in names()}
    if json:
        say_json({name: list(one.names) for name, one in found.items()})
        return
    width = max(map(len, found))
    for name, one in found.items():
        say(f"{name:<{width}}  {', '.join(one.names)}")
