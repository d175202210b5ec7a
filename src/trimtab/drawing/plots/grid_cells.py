"""A share over a grid of two settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.patches import Rectangle

from trimtab.drawing import style
from trimtab.drawing.style import FIRST, INK, MUTED, ON_BAR, SMALL, SOFT, SURFACE
from trimtab.drawing.svg import inline
from trimtab.drawing.words import percent

LEFT, TOP, RIGHT, PITCH = 52.0, 34.0, 352.0, 30.0
DARK = 0.55  # opacity from which a cell's text is light


def heat_map(
    values: Sequence[Sequence[float]],
    rows: Sequence[int],
    columns: Sequence[float],
    *,
    names: tuple[str, str],
    chosen: tuple[float, float] | None = None,
    title: str = "Grid",
) -> Markup:
    """Draw a share from 0 to 1 in every cell of a grid.

    Parameters
    ----------
    values : sequence of sequences of float
        Share by row, then by column; NaN is left empty.
    rows, columns : sequence of numbers
        The settings, ascending.
    names : tuple of str
        What rows and columns are.
    chosen : tuple of float, optional
        Row and column, which may lie between those of the grid, to mark.
    title : str, optional
        Title for screen readers.
    """
    bottom = TOP + PITCH * len(rows)
    with style.style():
        figure = style.canvas(bottom + 8)
        ax = style.axes(figure, LEFT, TOP, RIGHT, bottom)
        for y, line in enumerate(values):
            for x, value in enumerate(line):
                _cell(ax, x, y, value)
        ax.set_xlim(-0.5, len(columns) - 0.5)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xticks(range(len(columns)), [f"{one:g}" for one in columns])
        ax.set_yticks(range(len(rows)), [f"{one:g}" for one in rows])
        ax.xaxis.tick_top()
        for spine in ax.spines.values():
            spine.set_visible(False)
        corner: dict[str, Any] = {"color": MUTED, "fontsize": SMALL}
        figure.text(LEFT / style.WIDTH, 1 - 9 / (bottom + 8), names[1], va="center", **corner)
        figure.text(2 / style.WIDTH, 1 - (TOP - 8) / (bottom + 8), names[0], va="center", **corner)
        if chosen is not None:
            # At the lower edge of its row, where it hides no number.
            at = _place(chosen[1], columns), _place(chosen[0], rows) + 0.42
            for colour, width in ((SURFACE, 3.4), (INK, 1.4)):
                ax.plot(*at, "D", markersize=7, markerfacecolor=SURFACE, markeredgewidth=width,
                        markeredgecolor=colour, clip_on=False, zorder=5)  # fmt: skip
        return inline(figure, f"{title}. {_says(values, rows, columns, names)}")


def _cell(ax: Any, x: int, y: int, value: float) -> None:
    if not np.isfinite(value):
        return
    for colour, alpha in ((SOFT, 1.0), (FIRST, value)):
        ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=colour, alpha=alpha, lw=0))
    ax.text(x, y, f"{100 * value:.0f}", ha="center", va="center", fontsize=SMALL,
            color=ON_BAR if value > DARK else INK)  # fmt: skip


def _place(value: float, among: Sequence[float]) -> float:
    """Return the position of a value between those of the grid, no further than its edge."""
    return float(np.interp(value, among, range(len(among))))


def _says(
    values: Sequence[Sequence[float]],
    rows: Sequence[float],
    columns: Sequence[float],
    names: tuple[str, str],
) -> str:
    return "; ".join(
        f"{names[0]} {row:g}: "
        + ", ".join(
            f"{percent(value)} at {names[1]} {column:g}"
            for column, value in zip(columns, line, strict=True)
        )
        for row, line in zip(rows, values, strict=True)
    )
