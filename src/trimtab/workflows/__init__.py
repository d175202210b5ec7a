"""Complete workflows with typed results: audit, sensitivity, understand, learn, mitigate.

Results can be read and shown without torch, which is loaded on first use of a workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy
from trimtab.workflows.results import (
    AuditResult,
    LearnResult,
    MitigationResult,
    PanelsResult,
    SensitivityResult,
    UnderstandingResult,
    load_result,
)

if TYPE_CHECKING:
    from trimtab.workflows.audits import audit, audit_images
    from trimtab.workflows.directions import learn
    from trimtab.workflows.effect import measured_effect
    from trimtab.workflows.folders import FolderComparison, compare_images
    from trimtab.workflows.mitigation import mitigate
    from trimtab.workflows.noise_sensitivity import sensitivity
    from trimtab.workflows.panel_study import run_panels
    from trimtab.workflows.plan import Plan
    from trimtab.workflows.understanding import understand

__all__ = [
    "AuditResult",
    "FolderComparison",
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
    "measured_effect",
    "mitigate",
    "run_panels",
    "sensitivity",
    "understand",
]

__getattr__ = lazy(
    __name__,
    {
        "audits": ["audit", "audit_images"],
        "directions": ["learn"],
        "effect": ["measured_effect"],
        "folders": ["FolderComparison", "compare_images"],
        "mitigation": ["mitigate"],
        "noise_sensitivity": ["sensitivity"],
        "panel_study": ["run_panels"],
        "plan": ["Plan"],
        "understanding": ["understand"],
    },
)
