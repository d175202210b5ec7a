"""The style of all figures: colours, fonts and sizes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# All colours of the figures, in light mode. In HTML, each becomes the CSS variable with its name
# (style.css), so that the same drawing works in light and dark mode.
INK = "#1c2230"
MUTED = "#5c6475"
GRID = "#dfe2e9"
SOFT = "#eef0f4"
SURFACE = "#fdfdfc"
ON_BAR = "#fffffe"
# Two hues of equal weight for two groups, distinguishable in all common forms of colour vision.
# They are neutral: neither suggests a warning, nor is either associated with a group.
FIRST = "#1b7f79"
SECOND = "#a8650a"
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    SOFT: "var(--soft)",
    SURFACE: "var(--surface)",
    ON_BAR: "var(--on-bar)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
}

WIDTH = 360.0
"""Width of every figure in CSS pixels: about that of a phone, where it hardly shrinks."""

TEXT, SMALL = 12.5, 11.5
"""Sizes of type in CSS pixels, legible on a phone."""

STYLE: Any = {  # Any, since matplotlib types each key as a literal
    "svg.fonttype": "none",  # keep text as text, to search, copy and read aloud
    "svg.hashsalt": "trimtab",
    "text.parse_math": False,  # "$" in a group name is a dollar sign
    "font.size": TEXT,
    "axes.titlesize": "medium",
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
    "axes.unicode_minus": True,
}


def style() -> AbstractContextManager[None]:
    """Return the context for drawing and saving figures."""
    return matplotlib.rc_context(STYLE)


def canvas(height: float) -> Figure:
    """Return an empty figure, `WIDTH` x `height` CSS pixels."""
    return Figure(figsize=(WIDTH / 72, height / 72), dpi=72)


def axes(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Add axes at distances from the left and top edges, in CSS pixels."""
    height = figure.get_figheight() * 72
    place = (left / WIDTH, 1 - bottom / height, (right - left) / WIDTH, (bottom - top) / height)
    return figure.add_axes(place)
