"""The shares of the groups, with their intervals and the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from markupsafe import Markup
from matplotlib.axes import Axes

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DASHED, LEFT, LINE, RIGHT, percent_axis, row_label
from trimtab.drawing.style import FIRST, INK, MUTED, ON_BAR, SECOND, SMALL, SOFT, SURFACE
from trimtab.drawing.svg import inline
from trimtab.drawing.words import group_label, percent, percents
from trimtab.statistics import Share

SHORT = 0.15  # a bar too short for its label


class Shares(Protocol):
    """The figures to draw for a set of pictures, as in `trimtab.metrics.Figures`."""

    @property
    def groups(self) -> Sequence[str]:
        """Groups in drawing order."""

    @property
    def shares(self) -> Mapping[str, Share]:
        """Shares of all pictures, by group."""

    @property
    def unknown(self) -> Share:
        """Share of pictures whose group is unknown."""


def shares(
    rows: Sequence[tuple[str, Shares]], target: Mapping[str, float], *, title: str = "Shares"
) -> Markup:
    """Draw the shares of each set of pictures with their intervals, and the target.

    Two groups are drawn as bars from both ends, with one row per set. More groups get one row each,
    which shows at most the first two sets: the first hollow if there are two, the last filled.

    Parameters
    ----------
    rows : sequence of (str, Shares)
        Label and figures of each set, at least one.
    target : mapping of str to float
        Target share of each group.
    title : str, optional
        Title for screen readers.
    """
    groups = list(rows[0][1].groups)
    if len(groups) > 2:
        rows = rows[:2]
    with style.style():
        drawn = (_two_groups if len(groups) == 2 else _many_groups)(rows, groups, target)
        return inline(drawn, f"{title}. {_says(rows, target)}")


def _says(rows: Sequence[tuple[str, Shares]], target: Mapping[str, float]) -> str:
    sets = [
        f"{label}: "
        + ", ".join(
            f"{group_label(group)} {percent(one.value)} ({percents((one.low, one.high))})"
            for group in figures.groups
            for one in [figures.shares[group]]
        )
        for label, figures in rows
    ]
    wanted = ", ".join(
        f"{group_label(group)} {percent(target[group])}" for group in rows[0][1].groups
    )
    return f"{'; '.join(sets)}. Target: {wanted}."


def _two_groups(
    rows: Sequence[tuple[str, Shares]], groups: Sequence[str], target: Mapping[str, float]
) -> Any:
    pitch, top = 42.0, 44.0
    bottom = top + pitch * len(rows)
    figure = style.canvas(bottom + 26)
    ax = style.axes(figure, LEFT, top, RIGHT, bottom)
    for row, (label, figures) in enumerate(rows):
        _bars(ax, row, *(figures.shares[group] for group in groups))
        row_label(ax, row - 0.08, label)
    wanted = target[groups[0]]
    ax.axvline(wanted, **DASHED)
    side = "left" if wanted < 0.2 else "right" if wanted > 0.8 else "center"
    words = f"target {percent(wanted)} {group_label(groups[0])}"
    ax.text(wanted, -0.6, words, ha=side, color=MUTED, fontsize=SMALL)
    ax.text(0, -1.0, group_label(groups[0]), ha="left", color=FIRST, fontweight="bold")
    ax.text(1, -1.0, group_label(groups[1]), ha="right", color=SECOND, fontweight="bold")
    ax.set_ylim(len(rows) - 0.5, -0.5)
    percent_axis(ax, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlim(0, 1)
    return figure


def _bars(ax: Axes, row: int, first: Share, second: Share) -> None:
    bar: dict[str, Any] = {"y": row - 0.08, "height": 0.5}
    ax.barh(width=first.value, color=FIRST, **bar)
    ax.barh(width=second.value, left=1 - second.value, color=SECOND, **bar)
    unknown = 1 - first.value - second.value
    if unknown > 1e-9:
        rest: dict[str, Any] = {"facecolor": SOFT, "edgecolor": MUTED, "linewidth": 0.6}
        ax.barh(width=unknown, left=first.value, hatch="////", **bar, **rest)
    # Each end has its interval under its bar; without unknowns, the ends coincide.
    ends = (
        (first.value, first.low, first.high, 0.26, FIRST if unknown > 1e-9 else INK),
        (1 - second.value, 1 - second.high, 1 - second.low, 0.36, SECOND),
    )
    for value, low, high, below, colour in ends[: 2 if unknown > 1e-9 else 1]:
        ax.plot((low, high), [row + below] * 2, color=colour, linewidth=LINE)
        ax.plot(value, row + below, "o", markersize=3.6, color=colour, clip_on=False)
    for end, value, side, own in (
        (0, first.value, "left", FIRST),
        (1, second.value, "right", SECOND),
    ):
        short = value < SHORT  # then beside its bar, on a label of its own
        ax.text(
            abs(end - 0.015 - (value if short else 0)),
            row - 0.08,
            percent(value),
            ha=side,
            va="center",
            color=own if short else ON_BAR,
            fontweight="bold",
            fontsize=SMALL,
            bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 1.5} if short else None,
        )


def _many_groups(
    rows: Sequence[tuple[str, Shares]], groups: Sequence[str], target: Mapping[str, float]
) -> Any:
    faces = (SURFACE, INK)[-len(rows) :]
    lifts = (-0.16, 0.16) if len(rows) == 2 else (0.0,)
    pitch, top = 34.0, 24.0
    bottom = top + pitch * len(groups)
    figure = style.canvas(bottom + 26)
    ax = style.axes(figure, LEFT, top, RIGHT, bottom)
    for row, group in enumerate(groups):
        row_label(ax, row, group_label(group))
        ax.plot([target[group]] * 2, (row - 0.5, row + 0.5), **DASHED)
        for (_, figures), lift, face in zip(rows, lifts, faces, strict=True):
            one = figures.shares[group]
            ax.plot((one.low, one.high), [row + lift] * 2, color=MUTED, linewidth=LINE)
            ax.plot(one.value, row + lift, "o", markersize=6.5, markerfacecolor=face,
                    markeredgecolor=INK, clip_on=False)  # fmt: skip
    wanted = set(target.values())
    words = f"target {percent(next(iter(wanted)))}" if len(wanted) == 1 else "dashed: target"
    ax.text(target[groups[0]], -0.62, words, color=MUTED, fontsize=SMALL)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, min(1.0, ax.get_xlim()[1]))
    percent_axis(ax, [tick for tick in ax.get_xticks() if 0 <= tick <= ax.get_xlim()[1]])
    return figure
