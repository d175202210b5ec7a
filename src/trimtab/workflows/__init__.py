"""Complete workflows with typed results: audit, learn, mitigate.

Results can be read and shown without torch, which is loaded on first use of a workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.lazy import lazy
from trimtab.workflows.results import AuditResult, LearnResult, MitigationResult, load_result

if TYPE_CHECKING:
    from trimtab.workflows.audits import audit as audit
    from trimtab.workflows.audits import audit_images as audit_images
    from trimtab.workflows.directions import learn as learn
    from trimtab.workflows.effect import measured_effect as measured_effect
    from trimtab.workflows.mitigation import mitigate as mitigate
    from trimtab.workflows.plan import Plan as Plan

__all__ = [
    "AuditResult",
    "LearnResult",
    "MitigationResult",
    "Plan",
    "audit",
    "audit_images",
    "learn",
    "load_result",
    "measured_effect",
    "mitigate",
]

__getattr__ = lazy(
    __name__,
    {
        "Plan": "plan",
        "audit": "audits",
        "audit_images": "audits",
        "learn": "directions",
        "measured_effect": "effect",
        "mitigate": "mitigation",
    },
)
