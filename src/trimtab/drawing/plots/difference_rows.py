"""Differences of shares with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from markupsafe import Markup

from trimtab.drawing import style
from trimtab.drawing.plots.marks import LEFT, LINE, RIGHT, aside, mark, row_label
from trimtab.drawing.style import INK, MUTED, SMALL, SOFT
from trimtab.drawing.svg import inline
from trimtab.drawing.words import MINUS, number, points, points_span


class Difference(Protocol):
    """A change with its interval, such as those in `trimtab.metrics`."""

    @property
    def difference(self) -> float:
        """After minus before, as a share."""

    @property
    def low(self) -> float:
        """Lower end of the interval."""

    @property
    def high(self) -> float:
        """Upper end of the interval."""


def differences(
    rows: Sequence[tuple[str, str, Mapping[str, Difference]]],
    *,
    margin: float | None = None,
    title: str = "Changes of shares",
) -> Markup:
    """Draw differences of shares with their intervals, one per row, recogniser above oracle.

    Parameters
    ----------
    rows : sequence of (str, str, mapping)
        Label, second label, and the difference by role ("recogniser", "oracle").
    margin : float, optional
        Margin within which shares are equivalent; drawn if given.
    title : str, optional
        Title for screen readers.
    """
    pitch, top = 38.0, 24.0
    bottom = top + pitch * len(rows)
    ends = [abs(end) for *_, roles in rows for one in roles.values() for end in (one.low, one.high)]
    reach = max(0.15, math.ceil(20 * max(ends) + 0.2) / 20)
    with style.style():
        figure = style.canvas(bottom + 44)
        ax = style.axes(figure, LEFT, top, RIGHT, bottom)
        if margin is not None:
            ax.axvspan(-margin, margin, color=SOFT, zorder=0)
            words = f"within ± {number(100 * margin, 0)} points"
            ax.text(0, -0.6, words, ha="center", color=MUTED, fontsize=SMALL)
        ax.axvline(0, color=INK, linewidth=1.1)
        for row, (label, second, roles) in enumerate(rows):
            row_label(ax, row, label, second)
            for role, one in roles.items():
                at = row + aside(role, roles)
                ax.plot((one.low, one.high), (at, at), color=MUTED, linewidth=LINE)
                ax.plot(one.difference, at, **mark(role))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(-reach, reach)
        step = next(step for step in (0.1, 0.2, 0.25, 0.5) if step == 0.5 or reach / step < 3)
        ticks = [i * step for i in range(-2, 3) if abs(i * step) <= reach]
        ax.set_xticks(ticks, [f"{100 * t:+.0f}".replace("-", MINUS) if t else "0" for t in ticks])
        ax.set_yticks([])
        ax.set_xlabel("change of the share, in points", labelpad=3)
        return inline(figure, f"{title}, in points. {_says(rows)}")


def _says(rows: Sequence[tuple[str, str, Mapping[str, Difference]]]) -> str:
    said = [
        f"{', '.join(filter(None, (label, second)))}, {role}: {points(one.difference)} "
        f"({points_span(one.low, one.high)})"
        for label, second, roles in rows
        for role, one in roles.items()
    ]
    return "; ".join(said) + "."
