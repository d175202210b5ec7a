"""Measure whom a text-to-image model shows, and mitigate bias by shifting only the initial noise.

Public names are imported on first use, so that ``import trimtab`` is fast and loads neither torch
nor diffusers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab import townsfolk as townsfolk
    from trimtab.concepts import Attribute, Concept, Group, Target, attribute
    from trimtab.errors import TrimtabError
    from trimtab.generation import ImageSet, generate, initial_latents, steered_blocks
    from trimtab.interventions import (
        AddedWords,
        CalibratedProjection,
        Direction,
        EmbeddingShift,
        Intervention,
        LogisticDirection,
        MeanDifference,
        Steering,
        SVMDirection,
        load_intervention,
    )
    from trimtab.latents import LatentSamples, capture
    from trimtab.metrics import AuditFrame
    from trimtab.pipelines import Family, load_model, register_family
    from trimtab.recognition import Detections, Labels, Observations, classify, detect, embed
    from trimtab.report import write_report
    from trimtab.storage import Store
    from trimtab.workflows import (
        AuditResult,
        LearnResult,
        MitigationResult,
        PanelsResult,
        Plan,
        SensitivityResult,
        UnderstandingResult,
        audit,
        audit_images,
        compare_images,
        learn,
        load_result,
        mitigate,
        run_panels,
        sensitivity,
        understand,
    )

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
    "EmbeddingShift",
    "CalibratedProjection",
    "Intervention",
    "load_intervention",
    "ImageSet",
    "generate",
    "initial_latents",
    "steered_blocks",
    "Labels",
    "Observations",
    "classify",
    "Detections",
    "detect",
    "embed",
    "AuditFrame",
    "Plan",
    "audit",
    "audit_images",
    "compare_images",
    "sensitivity",
    "understand",
    "learn",
    "mitigate",
    "run_panels",
    "AuditResult",
    "SensitivityResult",
    "UnderstandingResult",
    "LearnResult",
    "MitigationResult",
    "PanelsResult",
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
        "concepts": ["Attribute", "Concept", "Group", "Target", "attribute"],
        "errors": ["TrimtabError"],
        "generation": ["ImageSet", "generate", "initial_latents", "steered_blocks"],
        "interventions": [
            "AddedWords",
            "CalibratedProjection",
            "EmbeddingShift",
            "Direction",
            "Intervention",
            "LogisticDirection",
            "MeanDifference",
            "SVMDirection",
            "Steering",
            "load_intervention",
        ],
        "latents": ["LatentSamples", "capture"],
        "metrics": ["AuditFrame"],
        "pipelines": ["Family", "load_model", "register_family"],
        "recognition": ["Detections", "Labels", "Observations", "classify", "detect", "embed"],
        "report": ["write_report"],
        "storage": ["Store"],
        "townsfolk": ["townsfolk"],
        "workflows": [
            "AuditResult",
            "LearnResult",
            "MitigationResult",
            "PanelsResult",
            "Plan",
            "SensitivityResult",
            "UnderstandingResult",
            "audit",
            "audit_images",
            "compare_images",
            "learn",
            "load_result",
            "mitigate",
            "sensitivity",
            "understand",
            "run_panels",
        ],
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
