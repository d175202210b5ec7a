"""The figures of a report: inline SVGs the width of a phone, drawn from plain values."""

from __future__ import annotations

from trimtab.drawing.plots.accuracy_curve import accuracy
from trimtab.drawing.plots.deviation_rows import deviation
from trimtab.drawing.plots.difference_rows import differences
from trimtab.drawing.plots.grid_cells import heat_map
from trimtab.drawing.plots.radar_chart import radar
from trimtab.drawing.plots.rank_scatter import ranks
from trimtab.drawing.plots.response_curve import dose_response
from trimtab.drawing.plots.share_bars import shares

__all__ = [
    "accuracy",
    "deviation",
    "differences",
    "dose_response",
    "heat_map",
    "radar",
    "ranks",
    "shares",
]
