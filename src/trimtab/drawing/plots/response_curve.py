"""How the strength affects the share and the concept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from trimtab.drawing import style
from trimtab.drawing.plots.marks import DASHED, DOTTED, RIGHT, mark
from trimtab.drawing.style import FIRST, INK, MUTED, SECOND, SMALL, SOFT
from trimtab.drawing.svg import inline
from trimtab.drawing.words import THIN, group_label, percent, sigmas
from trimtab.statistics import CONFIDENCE, Dose, Response, wilson


def dose_response(
    response: Response,
    towards: str,
    groups: Sequence[str],
    strength: float | None,
    *,
    confidence: float = CONFIDENCE,
    of_noise: bool = True,
    title: str = "Dose and response",
) -> Markup:
    """Draw the share and the concept kept by strength, with curves, chosen strength and limit.

    Parameters
    ----------
    response : Response
        Doses and curves.
    towards : str
        The group that the direction points to.
    groups : sequence of str
        All groups, to choose the colour.
    strength : float, optional
        The chosen strength.
    confidence : float, optional
        Confidence of the Wilson intervals.
    of_noise : bool, optional
        Whether strengths are standard deviations of the noise, or multiples of a difference.
    title : str, optional
        Title for screen readers.
    """
    said = sigmas if of_noise else "{:.2g}".format
    doses = sorted(response.doses, key=lambda dose: dose.strength)
    most = max(doses[-1].strength, strength or 0.0, 1e-9)
    colour = (FIRST, SECOND)[list(groups).index(towards)] if len(groups) == 2 else FIRST
    with style.style():
        figure = style.canvas(350)
        above = style.axes(figure, 44, 46, RIGHT, 190)
        below = style.axes(figure, 44, 224, RIGHT, 304)
        _counted(above, response, "towards", "known", colour, 0.015 * most, confidence)
        _counted(below, response, "kept", "n", INK, 0.015 * most, confidence)
        above.plot(response.curve["strength"], response.curve["share"], color=colour, linewidth=1.8)
        below.plot(response.curve["strength"], response.curve["kept"], color=INK, linewidth=1.8)
        _share_axis(above, response.target, towards, colour, most)
        lowest = min(wilson(d.kept, d.n, confidence=confidence).low for d in doses if d.n)
        _kept_axis(below, response.least_kept, lowest)
        unit = "standard deviations of the noise" if of_noise else "multiples of the difference"
        below.set_xlabel(f"strength, in {unit}", labelpad=3)
        for ax in (above, below):
            ax.set_xlim(-0.03 * most, 1.03 * most)
            ax.grid(axis="y")
            if strength is not None:
                ax.axvline(strength, color=INK, linewidth=1.1)
            if response.limit < most - 1e-9:
                ax.axvspan(response.limit, 1.03 * most, color=SOFT, zorder=0)
        if strength is not None:
            at = strength / most
            side = "right" if at > 0.75 else "left" if at < 0.25 else "center"
            above.text(strength, 1.06, f"chosen {said(strength)}", ha=side, va="bottom",
                       color=INK, fontsize=SMALL)  # fmt: skip
        return inline(figure, f"{title}: {_says(doses, response, towards, strength, said)}")


def _says(
    doses: Sequence[Dose],
    response: Response,
    towards: str,
    strength: float | None,
    said: Callable[[float], str],
) -> str:
    points = [
        f"{said(d.strength)}: {percent(d.towards / d.known)} ({d.towards} of {d.known})"
        for d in doses
        if d.known
    ]
    chosen = "" if strength is None else f" Chosen: {said(strength)}."
    return (
        f"share of {group_label(towards)} by strength. {', '.join(points)}. "
        f"Target: {percent(response.target)}.{chosen}"
    )


def _counted(
    ax: Axes,
    response: Response,
    count: str,
    of: str,
    colour: str,
    beside: float,
    confidence: float,
) -> None:
    for dose in response.doses:
        if getattr(dose, of):
            share = wilson(getattr(dose, count), getattr(dose, of), confidence=confidence)
            ax.plot([dose.strength] * 2, (share.low, share.high), color=MUTED, linewidth=1.3)
            ax.plot(dose.strength, share.value, "o", color=colour, markersize=6.5)
    for dose in response.judged:
        if getattr(dose, of):
            share_seen = getattr(dose, count) / getattr(dose, of)
            ax.plot(dose.strength + beside, share_seen, **mark("oracle"))


def _share_axis(ax: Axes, target: float, towards: str, colour: str, most: float) -> None:
    ax.axhline(target, **DASHED)
    ax.annotate(
        f"target {percent(target)}", (most, target), (0, 3),
        textcoords="offset points", ha="right", color=MUTED, fontsize=SMALL,
    )  # fmt: skip
    ax.set_title(f"{group_label(towards)} among the known", loc="left", color=colour,
                 fontweight="bold", pad=22)  # fmt: skip
    ax.set_ylim(-0.03, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", f"100{THIN}%"])
    ax.tick_params(labelbottom=False)


def _kept_axis(ax: Axes, limit: float, lowest: float) -> None:
    ax.axhline(limit, **DOTTED)
    ax.set_title("concept kept", loc="left", color=INK, fontweight="bold")
    ax.set_title(f"dotted: limit {percent(limit)}", loc="right", color=MUTED, fontsize=SMALL)
    floor = max(0.0, math.floor(10 * min(lowest, limit - 0.05)) / 10)
    ax.set_ylim(floor, 1.03)
    ax.set_yticks([floor, 1], [f"{100 * floor:.0f}", f"100{THIN}%"])
