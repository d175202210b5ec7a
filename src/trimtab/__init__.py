"""Measure whom a text-to-image model shows, and mitigate bias by shifting only the initial noise.

Public names are imported on first use, so that ``import trimtab`` is fast and loads neither torch
nor diffusers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab import townsfolk as townsfolk
    from trimtab.concepts import Attribute as Attribute
    from trimtab.concepts import Concept as Concept
    from trimtab.concepts import Group as Group
    from trimtab.concepts import Target as Target
    from trimtab.concepts import attribute as attribute
    from trimtab.errors import TrimtabError as TrimtabError
    from trimtab.generation import ImageSet as ImageSet
    from trimtab.generation import generate as generate
    from trimtab.generation import initial_latents as initial_latents
    from trimtab.generation import steered_blocks as steered_blocks
    from trimtab.interventions import AddedWords as AddedWords
    from trimtab.interventions import Direction as Direction
    from trimtab.interventions import Intervention as Intervention
    from trimtab.interventions import LogisticDirection as LogisticDirection
    from trimtab.interventions import MeanDifference as MeanDifference
    from trimtab.interventions import Steering as Steering
    from trimtab.interventions import SVMDirection as SVMDirection
    from trimtab.interventions import load_intervention as load_intervention
    from trimtab.latents import LatentSamples as LatentSamples
    from trimtab.latents import capture as capture
    from trimtab.metrics import AuditFrame as AuditFrame
    from trimtab.pipelines import Family as Family
    from trimtab.pipelines import load_model as load_model
    from trimtab.pipelines import register_family as register_family
    from trimtab.recognition import Labels as Labels
    from trimtab.recognition import Observations as Observations
    from trimtab.recognition import classify as classify
    from trimtab.recognition import embed as embed
    from trimtab.report import write_report as write_report
    from trimtab.storage import Store as Store
    from trimtab.workflows import AuditResult as AuditResult
    from trimtab.workflows import LearnResult as LearnResult
    from trimtab.workflows import MitigationResult as MitigationResult
    from trimtab.workflows import Plan as Plan
    from trimtab.workflows import audit as audit
    from trimtab.workflows import audit_images as audit_images
    from trimtab.workflows import learn as learn
    from trimtab.workflows import load_result as load_result
    from trimtab.workflows import mitigate as mitigate

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 (the order of the work)
    "load_model",
    "Attribute",
    "Group",
    "Concept",
    "attribute",
    "Target",
    "LatentSamples",
    "capture",
    "Direction",
    "LogisticDirection",
    "MeanDifference",
    "SVMDirection",
    "Steering",
    "AddedWords",
    "Intervention",
    "load_intervention",
    "ImageSet",
    "generate",
    "initial_latents",
    "steered_blocks",
    "Labels",
    "Observations",
    "classify",
    "embed",
    "AuditFrame",
    "Plan",
    "audit",
    "audit_images",
    "learn",
    "mitigate",
    "AuditResult",
    "LearnResult",
    "MitigationResult",
    "load_result",
    "Store",
    "write_report",
    "Family",
    "register_family",
    "townsfolk",
    "TrimtabError",
    "__version__",
]

# Public name -> the room that defines it; "townsfolk" is a room itself.
__getattr__ = lazy(
    __name__,
    {
        "AddedWords": "interventions",
        "Attribute": "concepts",
        "AuditFrame": "metrics",
        "Concept": "concepts",
        "Direction": "interventions",
        "Family": "pipelines",
        "Group": "concepts",
        "ImageSet": "generation",
        "Intervention": "interventions",
        "Labels": "recognition",
        "LatentSamples": "latents",
        "LogisticDirection": "interventions",
        "MeanDifference": "interventions",
        "Observations": "recognition",
        "SVMDirection": "interventions",
        "Steering": "interventions",
        "Target": "concepts",
        "TrimtabError": "errors",
        "attribute": "concepts",
        "capture": "latents",
        "classify": "recognition",
        "embed": "recognition",
        "generate": "generation",
        "initial_latents": "generation",
        "load_intervention": "interventions",
        "load_model": "pipelines",
        "steered_blocks": "generation",
        "register_family": "pipelines",
        "Store": "storage",
        "AuditResult": "workflows",
        "LearnResult": "workflows",
        "MitigationResult": "workflows",
        "Plan": "workflows",
        "audit": "workflows",
        "audit_images": "workflows",
        "learn": "workflows",
        "load_result": "workflows",
        "mitigate": "workflows",
        "townsfolk": "townsfolk",
        "write_report": "report",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
