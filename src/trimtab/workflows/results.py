"""All result classes, and loading a result of any kind."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import FileError
from trimtab.storage import Store
from trimtab.workflows.audit_result import AuditResult
from trimtab.workflows.learn_result import LearnResult
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.panels_result import PanelsResult
from trimtab.workflows.result import Result
from trimtab.workflows.sensitivity_result import SensitivityResult
from trimtab.workflows.understanding_result import UnderstandingResult

__all__ = [
    "AuditResult",
    "LearnResult",
    "MitigationResult",
    "PanelsResult",
    "Result",
    "SensitivityResult",
    "UnderstandingResult",
    "load_result",
]

AnyResult = (
    AuditResult
    | LearnResult
    | MitigationResult
    | PanelsResult
    | SensitivityResult
    | UnderstandingResult
)
KINDS: dict[str, type[AnyResult]] = {
    kind.FORMAT: kind
    for kind in (
        AuditResult,
        LearnResult,
        MitigationResult,
        PanelsResult,
        SensitivityResult,
        UnderstandingResult,
    )
}


def load_result(source: Store | str | Path, name: str) -> AnyResult:
    """Return a result from a store, of any kind.

    Parameters
    ----------
    source : Store, str or Path
        The store.
    name : str
        One of ``Store.results()``.

    Raises
    ------
    FileError
        If there is no such result, or it is damaged, of a later version or of unknown kind.
    """
    store = source if isinstance(source, Store) else Store.existing(source)
    kind = store.result(name).get("format")
    if kind not in KINDS:
        raise FileError(
            got=f"{store.url}, result {name}, of kind {kind}",
            expected=f"one of {', '.join(KINDS)}",
            do="update trimtab, or name another result",
        )
    return KINDS[kind].load(store, name)
