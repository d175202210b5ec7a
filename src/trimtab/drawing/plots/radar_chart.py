"""How close a concept is to each of several attributes, around a circle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DASHED
from trimtab.drawing.style import FIRST, GRID, INK, MUTED, SMALL, SURFACE
from trimtab.drawing.svg import inline
from trimtab.drawing.words import number
from trimtab.errors import UsageError

CORNERS = 3
SIDE, RADIUS = 300.0, 92.0  # height of the figure and radius of the outer ring, in pixels


def radar(
    values: Mapping[str, float],
    rings: Mapping[str, float] | None = None,
    *,
    name: str = "cosine",
    title: str = "Radar",
) -> Markup:
    """Draw a value for each of at least three attributes as the corners of a polygon.

    The scale ends at the largest value, and begins a little below the smallest.

    Parameters
    ----------
    values : mapping of str to float
        By attribute; NaN is left out.
    rings : mapping of str to float, optional
        Values to compare with, drawn as dashed rings, by label.
    name : str, optional
        What the values are.
    title : str, optional
        Title for screen readers.

    Raises
    ------
    UsageError
        If fewer than three values are finite.
    """
    shown = {label: value for label, value in values.items() if math.isfinite(value)}
    if len(shown) < CORNERS:
        raise UsageError(
            got=f"{len(shown)} values", expected=f"at least {CORNERS}", do="show them in a table"
        )
    rings = rings or {}
    every = [*shown.values(), *rings.values()]
    low, high = min(every), max(every)
    low -= 0.15 * (high - low) or 1.0
    with style.style():
        figure = style.canvas(SIDE)
        ax = style.axes(figure, 0, 0, style.WIDTH, SIDE)
        ax.set_xlim(-style.WIDTH / 2, style.WIDTH / 2)
        ax.set_ylim(-SIDE / 2, SIDE / 2)
        ax.axis("off")
        angles = math.pi / 2 - 2 * math.pi * np.arange(len(shown)) / len(shown)

        def place(angle: float, value: float) -> tuple[float, float]:
            length = RADIUS * (value - low) / (high - low)
            return length * math.cos(angle), length * math.sin(angle)

        _frame(ax, angles.tolist(), [*shown])
        for label, value in rings.items():
            circle = [place(angle, value) for angle in np.linspace(0, 2 * math.pi, 91)]
            ax.plot(*zip(*circle, strict=True), **DASHED)
            pad = {"facecolor": SURFACE, "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
            ax.text(0, circle[0][0] + 3, label, ha="center", color=MUTED, fontsize=SMALL - 1.5,
                    bbox=pad)  # fmt: skip
        corners = [place(angle, value) for angle, value in zip(angles, shown.values(), strict=True)]
        xs, ys = zip(*corners, corners[0], strict=True)
        ax.fill(xs, ys, color=FIRST, alpha=0.18, linewidth=0)
        ax.plot(xs, ys, color=FIRST, linewidth=1.6, marker="o", markersize=4)
        return inline(figure, f"{title}. {_says(shown, rings, name)}")


def _frame(ax: Any, angles: Sequence[float], labels: Sequence[str]) -> None:
    outer = np.linspace(0, 2 * math.pi, 91)
    ax.plot(RADIUS * np.cos(outer), RADIUS * np.sin(outer), color=GRID, linewidth=1)
    for angle, label in zip(angles, labels, strict=True):
        x, y = math.cos(angle), math.sin(angle)
        ax.plot((0, RADIUS * x), (0, RADIUS * y), color=GRID, linewidth=0.8)
        side = "center" if abs(x) < 0.05 else "left" if x > 0 else "right"
        up = "bottom" if y > 0.9 else "top" if y < -0.9 else "center"
        ax.text((RADIUS + 8) * x, (RADIUS + 8) * y, label, ha=side, va=up, color=INK,
                fontsize=SMALL)  # fmt: skip


def _says(values: Mapping[str, float], rings: Mapping[str, float], name: str) -> str:
    said = ", ".join(f"{label} {number(value)}" for label, value in values.items())
    compared = ", ".join(f"{label} {number(value)}" for label, value in rings.items())
    return f"{name}: {said}." + (f" Dashed: {compared}." if compared else "")
