"""Measure whom a text-to-image model shows, and mitigate it by moving only the initial noise.

The public names are imported when they are first used, so that ``import trimtab`` is quick and
loads neither torch nor diffusers.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab import townsfolk as townsfolk
    from trimtab.concepts import Attribute as Attribute
    from trimtab.concepts import Concept as Concept
    from trimtab.concepts import Group as Group
    from trimtab.concepts import attribute as attribute
    from trimtab.errors import TrimtabError as TrimtabError
    from trimtab.generation import ImageSet as ImageSet
    from trimtab.generation import generate as generate
    from trimtab.generation import initial_latents as initial_latents
    from trimtab.generation import steered_blocks as steered_blocks
    from trimtab.interventions import Direction as Direction
    from trimtab.interventions import LogisticDirection as LogisticDirection
    from trimtab.interventions import MeanDifference as MeanDifference
    from trimtab.interventions import Steering as Steering
    from trimtab.interventions import SVMDirection as SVMDirection
    from trimtab.latents import LatentSamples as LatentSamples
    from trimtab.latents import capture as capture
    from trimtab.metrics import AuditFrame as AuditFrame
    from trimtab.pipelines import Family as Family
    from trimtab.pipelines import load_model as load_model
    from trimtab.pipelines import register_family as register_family
    from trimtab.recognition import Labels as Labels
    from trimtab.recognition import classify as classify
    from trimtab.report import report as report

__version__ = "0.1.0"

# Public name -> the room that it comes from; a name that is its room's own is the room itself.
_ROOMS = {
    "Attribute": "concepts",
    "AuditFrame": "metrics",
    "Concept": "concepts",
    "Direction": "interventions",
    "Family": "pipelines",
    "Group": "concepts",
    "ImageSet": "generation",
    "Labels": "recognition",
    "LatentSamples": "latents",
    "LogisticDirection": "interventions",
    "MeanDifference": "interventions",
    "SVMDirection": "interventions",
    "Steering": "interventions",
    "TrimtabError": "errors",
    "attribute": "concepts",
    "capture": "latents",
    "classify": "recognition",
    "generate": "generation",
    "initial_latents": "generation",
    "load_model": "pipelines",
    "steered_blocks": "generation",
    "register_family": "pipelines",
    "report": "report",
    "townsfolk": "townsfolk",
}

__all__ = [  # noqa: RUF022 (the order of the work)
    "load_model",
    "Attribute",
    "Group",
    "Concept",
    "attribute",
    "LatentSamples",
    "capture",
    "Direction",
    "LogisticDirection",
    "MeanDifference",
    "SVMDirection",
    "Steering",
    "ImageSet",
    "generate",
    "initial_latents",
    "steered_blocks",
    "Labels",
    "classify",
    "AuditFrame",
    "report",
    "Family",
    "register_family",
    "townsfolk",
    "TrimtabError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOMS[name]}")
    value = room if name == "townsfolk" else getattr(room, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    # The function `report` lives in the room `report`. Python binds a room to the package under the
    # room's name once it is imported, from wherever; this keeps `trimtab.report` the function.
    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "report" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
