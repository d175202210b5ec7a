"""The deviation ratio, compared with that of chance alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DOTTED, LEFT, LINE, RIGHT, aside, mark, row_label
from trimtab.drawing.style import MUTED, SMALL, SOFT
from trimtab.drawing.svg import inline
from trimtab.drawing.words import listed, number, numbers
from trimtab.statistics import Estimate


def deviation(
    rows: Sequence[tuple[str, Mapping[str, Estimate]]], *, title: str = "Deviation ratio"
) -> Markup:
    """Draw the deviation ratio of each set of pictures, its interval, and the noise floor.

    Parameters
    ----------
    rows : sequence of (str, mapping of str to Estimate)
        Label, and the ratio by role ("recogniser", "oracle"). If their floors differ, each row has
        its own.
    title : str, optional
        Title for screen readers.
    """
    pitch, top = 34.0, 26.0
    bottom = top + pitch * len(rows)
    with style.style():
        figure = style.canvas(bottom + 26)
        ax = style.axes(figure, LEFT, top, RIGHT, bottom)
        for row, (label, roles) in enumerate(rows):
            row_label(ax, row, label)
            for role, one in roles.items():
                if math.isfinite(one.value):
                    at = row + aside(role, roles)
                    ax.plot((one.low, one.high), (at, at), color=MUTED, linewidth=LINE)
                    ax.plot(one.value, at, **mark(role))
        floors = [next(iter(roles.values())).noise_floor for _, roles in rows]
        finite = [one for one in floors if one is not None and math.isfinite(one)]
        for row, floor in enumerate(floors):
            if floor is not None and math.isfinite(floor):
                ax.fill_between((0, floor), row - 0.5, row + 0.5, color=SOFT, zorder=0, linewidth=0)
                ax.plot((floor, floor), (row - 0.5, row + 0.5), **DOTTED)
        if finite:
            chance = "–".join(dict.fromkeys(f"{one:.2f}" for one in (min(finite), max(finite))))
            ax.text(0, -0.62, f"chance alone {chance}", ha="left", color=MUTED, fontsize=SMALL)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        ax.set_yticks([])
        ax.grid(axis="x")
        said = [
            f"{label}, {role}: {number(one.value)} ({numbers((one.low, one.high))})"
            for label, roles in rows
            for role, one in roles.items()
        ]
        chances = listed(list(dict.fromkeys(map(number, floors))))
        return inline(figure, f"{title}. {'; '.join(said)}. Chance alone: {chances}.")
