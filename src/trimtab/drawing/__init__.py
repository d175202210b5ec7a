"""Plots, tables, pictures and formatted numbers, all made from plain values.

Drawings are returned as `markupsafe.Markup`, which is HTML with escaped texts. Put them into a
page or, with `notebook`, into the output of a notebook cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.drawing.tables import Table

if TYPE_CHECKING:
    from trimtab.drawing.fragment import heading, notebook
    from trimtab.drawing.plots import accuracy, deviation, differences, dose_response, shares
    from trimtab.drawing.thumbnails import contact_sheet, gallery, write_strip

__all__ = [
    "Table",
    "accuracy",
    "contact_sheet",
    "deviation",
    "differences",
    "dose_response",
    "gallery",
    "heading",
    "notebook",
    "shares",
    "write_strip",
]

_MODULES = {
    **dict.fromkeys(("accuracy", "deviation", "differences", "dose_response", "shares"), "plots"),
    **dict.fromkeys(("write_strip", "contact_sheet", "gallery"), "thumbnails"),
    **dict.fromkeys(("heading", "notebook"), "fragment"),
}


def __getattr__(name: str) -> Any:
    # matplotlib and PIL are imported on first use; tables and words need neither.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
