"""The figures of the page, each an inline SVG as wide as a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from trimtab.drawing import svg
from trimtab.drawing.svg import (
    FIRST,
    GRID,
    GROUP_COLOURS,
    INK,
    MUTED,
    ON_BAR,
    SECOND,
    SOFT,
    SURFACE,
)
from trimtab.drawing.words import group_label, missing, percent
from trimtab.statistics import wilson

PERCENT = "\u202f%"
MARGIN = 0.10  # within which a change of another attribute counts as none
LEFT, RIGHT = 104.0, 346.0  # of the plot, beside labels

Figures = Mapping[str, Any]


def shares(rows: Sequence[tuple[str, Figures]], name: str, target: float | None = None) -> str:
    """Draw the shares of each set of pictures with their intervals, and the target.

    Parameters
    ----------
    rows : sequence of (str, mapping)
        Label and figures (``shares``, ``share_ci``, ``unknown``) of each set.
    name : str
        Unique on the page.
    target : float, optional
        The share wanted of each group; the same for all where not given.
    """
    groups = list(rows[0][1]["shares"])
    target = 1 / len(groups) if target is None else target
    draw = _two_groups if len(groups) == 2 else _many_groups
    with svg.style():
        return draw(rows, groups, name, target)


def _two_groups(
    rows: Sequence[tuple[str, Figures]], groups: list[str], name: str, target: float
) -> str:
    pitch, top = 38.0, 26.0
    bottom = top + pitch * len(rows)
    figure = svg.canvas(bottom + 24)
    ax = svg.axes(figure, LEFT, top, RIGHT, bottom)
    for row, (label, figures) in enumerate(rows):
        first, second = (figures["shares"][group] for group in groups)
        bar: dict[str, Any] = {"y": row - 0.08, "height": 0.5}
        ax.barh(width=first, color=FIRST, **bar)
        ax.barh(width=second, left=1 - second, color=SECOND, **bar)
        unknown = 1 - first - second
        if unknown > 1e-9:
            rest: dict[str, Any] = {
                "facecolor": SOFT,
                "edgecolor": MUTED,
                "linewidth": 0.6,
                "hatch": "////",
            }
            ax.barh(width=unknown, left=first, **bar, **rest)
        # The interval of each end under its bar; without unknown the two ends are one.
        ends = [_limits(figures, groups[0]), _limits(figures, groups[1], turned=True)]
        colours = (FIRST, SECOND) if unknown > 1e-9 else (INK,)
        for limits, at, value, colour in zip(
            ends, (0.26, 0.36), (first, 1 - second), colours, strict=False
        ):
            if limits:
                ax.plot(limits, [row + at] * 2, color=colour, linewidth=1.6)
                ax.plot(value, row + at, "o", markersize=3.6, color=colour)
        for end, value, side, own in ((0, first, "left", FIRST), (1, second, "right", SECOND)):
            short = value < 0.12  # then beside its bar, on a label of its own
            inwards = 0.015 + (value if short else 0)
            ax.text(
                abs(end - inwards), row - 0.08, percent(value), ha=side, va="center",
                color=own if short else ON_BAR,
                fontweight="bold", fontsize=10.5,
                bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 1.5} if short else None,
            )  # fmt: skip
        ax.text(-0.03, row - 0.08, label, ha="right", va="center", color=INK)
    ax.axvline(target, color=INK, linewidth=1.1, dashes=(3, 2))
    ax.text(target, -0.62, f"target {percent(target)}", ha="center", color=MUTED, fontsize=10)
    ax.text(0, -0.62, group_label(groups[0]), ha="left", color=FIRST, fontweight="bold")
    ax.text(1, -0.62, group_label(groups[1]), ha="right", color=SECOND, fontweight="bold")
    ax.set_ylim(len(rows) - 0.5, -0.5)
    _percent_axis(ax, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlim(0, 1)
    says = [
        f"{label}: " + ", ".join(f"{group} {percent(one['shares'][group])}" for group in groups)
        for label, one in rows
    ]
    return svg.inline(figure, name, f"Shares. {'; '.join(says)}")


def _many_groups(
    rows: Sequence[tuple[str, Figures]], groups: list[str], name: str, target: float
) -> str:
    # A row per group: plain hollow, steered (or whatever comes second) filled; more would blur.
    rows, faces = rows[:2], (SURFACE, INK)[-min(2, len(rows)) :]
    pitch, top = 30.0, 22.0
    bottom = top + pitch * len(groups)
    figure = svg.canvas(bottom + 24)
    ax = svg.axes(figure, LEFT, top, RIGHT, bottom)
    for row, group in enumerate(groups):
        ax.text(-0.03, row, _shortened(group_label(group), 18), ha="right", va="center",
                color=INK, transform=ax.get_yaxis_transform())  # fmt: skip
        for (_, figures), lift, face in zip(rows, (-0.16, 0.16), faces, strict=False):
            if ends := _limits(figures, group):
                ax.plot(ends, [row + lift] * 2, color=MUTED, linewidth=1.6)
            ax.plot(figures["shares"][group], row + lift, "o", markersize=6.5,
                    markerfacecolor=face, markeredgecolor=INK, clip_on=False)  # fmt: skip
    ax.axvline(target, color=INK, linewidth=1.1, dashes=(3, 2))
    ax.text(target, -0.62, f"target {percent(target)}", color=MUTED, fontsize=10)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, min(1.0, ax.get_xlim()[1]))
    _percent_axis(ax, [tick for tick in ax.get_xticks() if 0 <= tick <= ax.get_xlim()[1]])
    return svg.inline(figure, name, f"Shares of {len(groups)} groups")


def dose_response(
    response: Mapping[str, Any],
    judged: Sequence[Mapping[str, Any]],
    towards: str,
    groups: Sequence[str],
    strength: float | None,
    name: str,
) -> str:
    """Draw share and survival of the concept over the strength, with curves, choice and limit.

    Parameters
    ----------
    response : mapping
        `DoseResponse.to_dict`.
    judged : sequence of mapping
        The same doses as an oracle saw them; may be empty.
    towards : str
        The group to raise.
    groups : sequence of str
        All groups, for the colour.
    strength : float, optional
        The chosen one.
    name : str
        Unique on the page.
    """
    doses = sorted(response["doses"], key=lambda dose: dose["strength"])
    curve, target = response["curve"], response["target"]
    most = max(doses[-1]["strength"], 1e-9)
    colour = GROUP_COLOURS[list(groups).index(towards)] if len(groups) == 2 else FIRST
    with svg.style():
        figure = svg.canvas(340)
        above, below = svg.axes(figure, 40, 44, 346, 186), svg.axes(figure, 40, 218, 346, 298)
        above.plot(curve["strength"], curve["share"], color=colour, linewidth=1.8)
        _doses(above, doses, "towards", "known", colour)
        _judged(above, judged, "towards", "known", 0.015 * most)
        above.axhline(target, color=INK, linewidth=1.1, dashes=(3, 2))
        above.annotate(
            f"target {percent(target)}", (most, target), (0, 3),
            textcoords="offset points", ha="right", color=MUTED, fontsize=10,
        )  # fmt: skip
        above.set_title(f"{group_label(towards)} among the known", loc="left", color=colour,
                        fontsize=11, fontweight="bold", pad=22)  # fmt: skip
        above.set_ylim(-0.03, 1.03)
        above.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", f"100{PERCENT}"])
        above.tick_params(labelbottom=False)

        limit = response["least_kept"]
        below.plot(curve["strength"], curve["kept"], color=INK, linewidth=1.8)
        _doses(below, doses, "kept", "n", INK)
        _judged(below, judged, "kept", "n", 0.015 * most)
        below.axhline(limit, color=MUTED, linewidth=1.1, dashes=(1, 2))
        below.set_title("concept kept", loc="left", color=INK, fontsize=11, fontweight="bold")
        below.set_title(f"dotted: limit {percent(limit)}", loc="right", color=MUTED, fontsize=10)
        lowest = min(wilson(d["kept"], d["n"]).low for d in doses if d["n"])
        floor = max(0.0, np.floor(10 * min(lowest, limit - 0.05)) / 10)
        below.set_ylim(floor, 1.03)
        below.set_yticks([floor, 1], [f"{100 * floor:.0f}", f"100{PERCENT}"])
        below.set_xlabel("strength, in standard deviations of the noise", labelpad=3)
        for ax in (above, below):
            ax.set_xlim(-0.03 * most, 1.03 * most)
            ax.grid(axis="y")
            ax.tick_params(length=0)
            if strength is not None:
                ax.axvline(strength, color=INK, linewidth=1.1)
            if response.get("limit", most) < most - 1e-9:
                ax.axvspan(response["limit"], 1.03 * most, color=SOFT, zorder=0)
        if strength is not None:
            at = strength / most
            side = "right" if at > 0.75 else "left" if at < 0.25 else "center"
            above.text(strength, 1.06, f"chosen {strength:.1f} σ", ha=side, va="bottom", color=INK,
                       fontsize=10.5)  # fmt: skip
        return svg.inline(
            figure, name, f"Dose and response: share of {group_label(towards)} by strength"
        )


def differences(
    rows: Sequence[tuple[str, str, Mapping[str, Mapping[str, Any]]]], name: str, *, margin: bool
) -> str:
    """Draw differences of shares with their intervals, a row each, recogniser over oracle.

    Parameters
    ----------
    rows : sequence of (str, str, mapping)
        Label, second label, and by view what has ``difference``, ``low`` and ``high``.
    name : str
        Unique on the page.
    margin : bool
        Whether to show the margin of equivalence.
    """
    pitch = 34.0
    bottom = 22 + pitch * len(rows)
    ends = [abs(one[k]) for _, _, views in rows for one in views.values() for k in ("low", "high")]
    reach = max(0.15, np.ceil(20 * max(ends) + 0.2) / 20)
    with svg.style():
        figure = svg.canvas(bottom + 40)
        ax = svg.axes(figure, 118, 22, RIGHT, bottom)
        if margin:
            ax.axvspan(-MARGIN, MARGIN, color=SOFT, zorder=0)
            ax.text(0, -0.6, "within ± 10 points", ha="center", color=MUTED, fontsize=10)
        ax.axvline(0, color=INK, linewidth=1.1)
        for row, (label, second, views) in enumerate(rows):
            beside: dict[str, Any] = {"ha": "right", "transform": ax.get_yaxis_transform()}
            side = "bottom" if second else "center"
            ax.text(-0.03, row, _shortened(label, 20), va=side, color=INK, **beside)
            ax.text(-0.03, row, _shortened(second, 22), va="top", color=MUTED, fontsize=10,
                    **beside)  # fmt: skip
            for view, one in views.items():
                at = row + (0 if len(views) == 1 else 0.16 if view == "oracle" else -0.16)
                ax.plot((one["low"], one["high"]), (at, at), color=MUTED, linewidth=1.6)
                ax.plot(one["difference"], at, **_marker(view))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(-reach, reach)
        step = next(step for step in (0.1, 0.2, 0.25, 0.5) if step == 0.5 or reach / step < 3)
        ticks = [i * step for i in range(-2, 3) if abs(i * step) <= reach]
        ax.set_xticks(ticks, [f"{100 * t:+.0f}".replace("-", "−") if t else "0" for t in ticks])
        ax.set_yticks([])
        ax.tick_params(length=0)
        ax.set_xlabel("change of the share, in points", labelpad=3)
        return svg.inline(figure, name, "Differences of shares with intervals")


def deviation(rows: Sequence[tuple[str, Mapping[str, Figures]]], name: str) -> str:
    """Draw the deviation ratio of each set of pictures, with its interval and the noise floor."""
    pitch = 28.0
    bottom = 24 + pitch * len(rows)
    with svg.style():
        figure = svg.canvas(bottom + 24)
        ax = svg.axes(figure, LEFT, 24, RIGHT, bottom)
        for row, (label, views) in enumerate(rows):
            ax.text(-0.03, row, label, ha="right", va="center", color=INK)
            for view, figures in views.items():
                at = row + (0 if len(views) == 1 else 0.17 if view == "oracle" else -0.17)
                low, high = figures.get("deviation_ratio_ci") or (None, None)
                if low is not None and high is not None:
                    ax.plot((low, high), (at, at), color=MUTED, linewidth=1.6)
                if not missing(figures.get("deviation_ratio")):
                    ax.plot(figures["deviation_ratio"], at, **_marker(view))
        floor = rows[0][1]["product"].get("noise_floor")
        if floor is not None:
            ax.axvspan(0, floor, color=SOFT, zorder=0)
            ax.axvline(floor, color=MUTED, linewidth=1.1, dashes=(1, 2))
            ax.text(0, -0.62, f"chance alone {floor:.2f}", ha="left", color=MUTED, fontsize=10)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        ax.set_yticks([])
        ax.tick_params(length=0)
        ax.grid(axis="x")
        return svg.inline(figure, name, "Deviation ratio with intervals")


def accuracy(
    found: Sequence[Mapping[str, float]],
    chosen: int | None,
    generic: Sequence[Mapping[str, float]],
    name: str,
) -> str:
    """Draw the cross-validated accuracy by step, the chosen step, and the one-error limit."""
    with svg.style():
        figure = svg.canvas(196)
        ax = svg.axes(figure, 40, 26, 346, 154)
        for series, colour, style in ((generic, MUTED, "D"), (found, INK, "o")):
            steps = [one["step"] for one in series]
            values = [one["accuracy"] for one in series]
            errors = [one["standard_error"] for one in series]
            face = SURFACE if series is generic else colour
            ax.errorbar(steps, values, errors, color=colour, marker=style, markersize=5,
                        linewidth=1.2, markerfacecolor=face)  # fmt: skip
        best = max(found, key=lambda one: one["accuracy"])
        limit = best["accuracy"] - best["standard_error"]
        ax.axhline(limit, color=MUTED, linewidth=1.1, dashes=(1, 2))
        at = next((one["accuracy"] for one in found if one["step"] == chosen), None)
        if chosen is not None and at is not None:
            ax.plot(chosen, at, "o", markersize=12, markerfacecolor="none", markeredgecolor=INK)
            ax.set_title(f"chosen: step {chosen}", loc="left", fontsize=11, color=INK)
        ax.set_xticks([one["step"] for one in found])
        low = min(one["accuracy"] - one["standard_error"] for one in (*found, *generic))
        floor = min(0.5, np.floor(10 * low) / 10)
        ax.set_ylim(floor, 1.03)
        ax.set_yticks([floor, 0.75, 1], [f"{100 * floor:.0f}", "75", f"100{PERCENT}"])
        ax.grid(axis="y")
        ax.tick_params(length=0)
        ax.set_xlabel("completed denoising steps", labelpad=3)
        return svg.inline(figure, name, "Cross-validated accuracy by step")


def _doses(ax: Axes, doses: Sequence[Mapping[str, Any]], count: str, of: str, colour: str) -> None:
    for dose in doses:
        if dose[of]:
            share = wilson(dose[count], dose[of])
            ax.plot([dose["strength"]] * 2, (share.low, share.high), color=MUTED, linewidth=1.3)
            ax.plot(dose["strength"], share.value, "o", color=colour, markersize=6.5)


def _judged(
    ax: Axes, doses: Sequence[Mapping[str, Any]], count: str, of: str, aside: float
) -> None:
    for dose in doses:
        if dose[of]:
            ax.plot(dose["strength"] + aside, dose[count] / dose[of], **_marker("oracle"))


def _marker(view: str) -> dict[str, Any]:
    if view == "oracle":
        return {"marker": "D", "markersize": 5, "markerfacecolor": SURFACE, "markeredgecolor": INK,
                "linestyle": "none", "zorder": 4}  # fmt: skip
    return {"marker": "o", "markersize": 6.5, "color": INK, "linestyle": "none", "zorder": 4}


def _limits(figures: Figures, group: str, *, turned: bool = False) -> tuple[float, float] | None:
    """Return the interval of a share, `turned` to be counted from the other end; or None."""
    low, high = (figures.get("share_ci") or {}).get(group) or (None, None)
    if low is None or high is None:
        return None
    return (1 - high, 1 - low) if turned else (low, high)


def _percent_axis(ax: Axes, ticks: Sequence[float]) -> None:
    ax.set_xticks(ticks, [f"{100 * t:.0f}" for t in ticks[:-1]] + [f"{100 * ticks[-1]:.0f} %"])
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.grid(axis="x", color=GRID)


def _shortened(text: str, width: int) -> str:
    return textwrap.shorten(text, width, placeholder="…") if " " in text else text[:width]
