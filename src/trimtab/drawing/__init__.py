"""Plots, tables, pictures and formatted numbers, all made from plain values.

Drawings are returned as `markupsafe.Markup`, which is HTML with escaped texts. Put them into a
page or, with `notebook`, into the output of a notebook cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.drawing.tables import Table
from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab.drawing.fragment import heading, notebook
    from trimtab.drawing.plots import (
        accuracy,
        deviation,
        differences,
        dose_response,
        heat_map,
        radar,
        ranks,
        shares,
    )
    from trimtab.drawing.thumbnails import contact_sheet, gallery, with_box, write_strip

__all__ = [
    "Table",
    "accuracy",
    "contact_sheet",
    "deviation",
    "differences",
    "dose_response",
    "gallery",
    "heading",
    "heat_map",
    "notebook",
    "radar",
    "ranks",
    "shares",
    "with_box",
    "write_strip",
]

# matplotlib and PIL are imported on first use; tables and words need neither.
__getattr__ = lazy(
    __name__,
    {
        "fragment": ["heading", "notebook"],
        "plots": [
            "accuracy",
            "deviation",
            "differences",
            "dose_response",
            "heat_map",
            "radar",
            "ranks",
            "shares",
        ],
        "thumbnails": ["contact_sheet", "gallery", "with_box", "write_strip"],
    },
)
