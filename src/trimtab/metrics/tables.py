"""Figures as plain text, for the cells of a table."""

from __future__ import annotations

import math

_BAR = 20


def interval_head(confidence: float) -> str:
    """Return the heading of a column of intervals."""
    return f"{confidence:.0%} interval".replace("%", " %")


def bar(share: float, target: float | None = None) -> str:
    """Draw a bar: # up to the share, dots after it, and | at the target."""
    cells = ["#" if (i + 0.5) / _BAR < share else "." for i in range(_BAR)]
    if target is not None:
        cells.insert(round(target * _BAR), "|")
    return "".join(cells)


def number(value: float, digits: int = 2) -> str:
    """Format a number, or a dash if it is missing."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def signed(value: float, digits: int = 2) -> str:
    """Format a number with its sign, except for 0."""
    if not math.isfinite(value):
        return "-"
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else ("-" if value < 0 else "+") + text


def span(low: float, high: float, digits: int = 2, *, sign: bool = False) -> str:
    """Format the two ends of an interval."""
    show = signed if sign else number
    return " to ".join(f"{show(end, digits):>{digits + 2 + sign}}" for end in (low, high))


def probability(value: float) -> str:
    """Format a p-value."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
