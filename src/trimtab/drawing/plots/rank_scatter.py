"""Two rankings of the same attributes against each other, with the diagonal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from markupsafe import Markup

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DASHED
from trimtab.drawing.style import FIRST, GRID, INK, MUTED, SECOND, SMALL
from trimtab.drawing.svg import inline

LEFT, TOP, RIGHT, PITCH, LEAST = 24.0, 22.0, 352.0, 15.0, 180.0


Ranked = tuple[str, float, float, str]
"""Label, rank across and rank up, 1 for the highest, and why to point it out, if so."""


def ranks(rows: Sequence[Ranked], *, names: tuple[str, str], title: str = "Two rankings") -> Markup:
    """Draw attributes by two ranks, the highest at the right and at the top.

    Attributes that share the rank up, which is the mean of their places, are spread over these.

    Parameters
    ----------
    rows : sequence of (str, float, float, str)
        Label, the two ranks, and why to point the attribute out; empty for most.
    names : tuple of str
        What the ranks across and up are by, as in "closer in text".
    title : str, optional
        Title for screen readers.
    """
    bottom = TOP + max(LEAST, PITCH * len(rows))
    # Some of many attributes keep the ranks that they have among all.
    largest = max([len(rows), *(rank for _, across, up, _ in rows for rank in (across, up))])
    with style.style():
        figure = style.canvas(bottom + 24)
        ax = style.axes(figure, LEFT, TOP, RIGHT, bottom)
        ends = largest + 0.8, 0.2
        ax.set_xlim(*ends)
        ax.set_ylim(*ends)
        ax.plot(ends, ends, **DASHED)
        for (label, across, up, marked), place in zip(rows, _spread(rows), strict=True):
            colour = INK if not marked else FIRST if up < across else SECOND
            ax.plot(across, place, "o", markersize=5.5, color=colour, clip_on=False)
            right = across > largest / 2  # in the left half, since the axis is reversed
            ax.annotate(label, (across, place), (6 if right else -6, 0),
                        textcoords="offset points", ha="left" if right else "right", va="center",
                        color=colour, fontsize=SMALL,
                        fontweight="bold" if marked else "normal")  # fmt: skip
        ax.set_xticks([])
        ax.set_yticks([])
        for side in ("left", "bottom"):
            ax.spines[side].set(visible=True, color=GRID)
        ax.text(1, -0.03, f"{names[0]} →", transform=ax.transAxes, ha="right", va="top",
                color=MUTED, fontsize=SMALL)  # fmt: skip
        ax.text(0, 1.02, f"↑ {names[1]}", transform=ax.transAxes, ha="left", va="bottom",
                color=MUTED, fontsize=SMALL)  # fmt: skip
        said = ", ".join(f"{label} {across:g} and {up:g}" for label, across, up, _ in rows)
        return inline(figure, f"{title}. Ranks by {names[0]} and by {names[1]}: {said}.")


def _spread(rows: Sequence[Ranked]) -> list[float]:
    """Return the places up, in which attributes of one rank follow each other."""
    tied = defaultdict(list)
    for i, (_, _, up, _) in enumerate(rows):
        tied[up].append(i)
    places = [0.0] * len(rows)
    for up, mine in tied.items():
        for k, i in enumerate(mine):
            places[i] = up + k - (len(mine) - 1) / 2
    return places
