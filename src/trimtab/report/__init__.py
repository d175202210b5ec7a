"""A study or an audit as one page that anyone can open, and the same figures as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.report.writer import report

if TYPE_CHECKING:
    from trimtab.report.pictures import before_after

__all__ = ["before_after", "report"]


def __getattr__(name: str) -> Any:
    # Pictures need torch, the command line's help does not.
    if name == "before_after":
        from trimtab.report.pictures import before_after

        return before_after
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
