"""How well a direction separates the groups, by the step after which it was learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DOTTED, RIGHT
from trimtab.drawing.style import INK, MUTED, SURFACE
from trimtab.drawing.svg import inline
from trimtab.drawing.words import THIN, percent
from trimtab.statistics import Accuracy


def accuracy(
    found: Sequence[Accuracy],
    chosen: int | None,
    generic: Sequence[Accuracy] = (),
    *,
    title: str = "Cross-validated accuracy by step",
) -> Markup:
    """Draw the cross-validated accuracy by step, the chosen step, and the one-error limit.

    Parameters
    ----------
    found : sequence of Accuracy
        Accuracies of the direction, at least one.
    chosen : int, optional
        The chosen step.
    generic : sequence of Accuracy, optional
        Accuracies of the generic direction, for comparison.
    title : str, optional
        Title for screen readers.
    """
    with style.style():
        figure = style.canvas(204)
        ax = style.axes(figure, 44, 28, RIGHT, 158)
        for series, colour, marker in ((generic, MUTED, "D"), (found, INK, "o")):
            ax.errorbar(
                [one.step for one in series],
                [one.accuracy for one in series],
                [one.standard_error for one in series],
                color=colour, marker=marker, markersize=5, linewidth=1.2,
                markerfacecolor=SURFACE if series is generic else colour,
            )  # fmt: skip
        best = max(found, key=lambda one: one.accuracy)
        ax.axhline(best.accuracy - best.standard_error, **DOTTED)
        for one in found:
            if one.step == chosen:
                ax.plot(chosen, one.accuracy, "o", markersize=12, markerfacecolor="none",
                        markeredgecolor=INK)  # fmt: skip
                ax.set_title(f"chosen: step {chosen}", loc="left", color=INK)
        ax.set_xticks(sorted({one.step for one in (*found, *generic)}))
        low = min(one.accuracy - one.standard_error for one in (*found, *generic))
        floor = min(0.5, math.floor(10 * low) / 10)
        ax.set_ylim(floor, 1.03)
        ax.set_yticks([floor, 0.75, 1], [f"{100 * floor:.0f}", "75", f"100{THIN}%"])
        ax.grid(axis="y")
        ax.set_xlabel("completed denoising steps", labelpad=3)
        said = [f"step {one.step}: {percent(round(one.accuracy, 3))}" for one in found]
        return inline(figure, f"{title}. {', '.join(said)}.")
