"""Shared by the plots: marks of the two roles, intervals, row labels and percent axes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from trimtab.drawing.style import GRID, INK, MUTED, SMALL, SURFACE

LEFT, RIGHT = 112.0, 340.0  # of a plot with labels beside its rows
WIDEST = 16  # characters in a line of a label
LINE = 1.6  # width of an interval
DASHED: Any = {"color": INK, "linewidth": 1.1, "dashes": (3, 2)}  # a target
DOTTED: Any = {"color": MUTED, "linewidth": 1.1, "dashes": (1, 2)}  # a limit


def mark(role: str) -> dict[str, Any]:
    """Return the style of a value: hollow for the oracle, filled otherwise."""
    shape = {"linestyle": "none", "zorder": 4, "clip_on": False}
    if role == "oracle":
        face = {"markerfacecolor": SURFACE, "markeredgecolor": INK}
        return {"marker": "D", "markersize": 5, **face, **shape}
    return {"marker": "o", "markersize": 6.5, "color": INK, **shape}


def aside(role: str, roles: Mapping[str, object], by: float = 0.17) -> float:
    """Return the offset of a value from the middle of its row, if two roles share the row."""
    return 0.0 if len(roles) == 1 else by if role == "oracle" else -by


def row_label(ax: Axes, row: float, text: str, second: str = "") -> None:
    """Write a label to the left of a row, on two lines if it is long or there is a second."""
    lines = [*_lines(text, 1), *_lines(second, 1)] if second else _lines(text, 2)
    # A text for each line: matplotlib would place the lines of a single one by its own font.
    for line, side in zip(lines, ("bottom", "top") if len(lines) > 1 else ("center",), strict=True):
        style = {"color": MUTED, "fontsize": SMALL} if second and side == "top" else {"color": INK}
        where = ax.get_yaxis_transform()
        ax.text(-0.03, row, line, transform=where, ha="right", va=side, **style)


def _lines(text: str, most: int) -> list[str]:
    lines = textwrap.wrap(text, WIDEST) or [""]
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][:-1]}…"]


def percent_axis(ax: Axes, ticks: Sequence[float]) -> None:
    """Label the x-axis in percent, and draw the grid."""
    ax.set_xticks(ticks, [f"{100 * t:.0f}" for t in ticks[:-1]] + [f"{100 * ticks[-1]:.0f} %"])
    ax.set_yticks([])
    ax.grid(axis="x", color=GRID)
