"""From a matplotlib figure to an inline SVG that wears the page's own fonts and colours.

matplotlib and not plotly: a static picture stays small (a few kilobytes instead of megabytes of
script), works without JavaScript, prints, and is the same bytes whenever it is drawn again.
"""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Every colour of the figures. In the page each becomes the CSS variable of its name, so that one
# drawing serves light and dark mode; these are the light values.
INK = "#1c2230"
MUTED = "#5c6475"
GRID = "#dfe2e9"
SOFT = "#eef0f4"
SURFACE = "#fdfdfc"
ON_BAR = "#fffffe"
# Two hues for two groups, equally heavy; told apart by all common kinds of colour vision. They
# mean nothing: neither is the colour of a warning, nor one that custom ties to a group.
FIRST = "#1b7f79"
SECOND = "#a8650a"
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    SOFT: "soft",
    SURFACE: "surface",
    ON_BAR: "on-bar",
    FIRST: "first",
    SECOND: "second",
}
GROUP_COLOURS = (FIRST, SECOND)

WIDTH = 360.0
"""Of every figure, in CSS pixels: that of a phone, so that no text must shrink there."""

STYLE: Any = {  # Any: matplotlib wants each key as a literal
    "svg.fonttype": "none",  # text stays text: it can be searched, copied and read aloud
    "svg.hashsalt": "trimtab",
    "text.parse_math": False,  # a "$" in somebody's group name is a dollar
    "font.size": 11.0,
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
    "ytick.left": False,
    "lines.solid_capstyle": "round",
    "axes.unicode_minus": True,
}


def canvas(height: float) -> Figure:
    """Return an empty figure, `WIDTH` x `height` CSS pixels."""
    return Figure(figsize=(WIDTH / 72, height / 72), dpi=72)


def axes(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Add axes by their distances from the left and top edge, in CSS pixels."""
    height = figure.get_figheight() * 72
    place = (left / WIDTH, 1 - bottom / height, (right - left) / WIDTH, (bottom - top) / height)
    return figure.add_axes(place)


def inline(figure: Figure, name: str, says: str) -> str:
    """Return the figure as an SVG element to put into a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn within `style`.
    name : str
        Unique on the page; it goes before every id.
    says : str
        What a screen reader says.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)  # nothing refers to these
    box = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg class="figure" role="img" aria-label="{escape(says)}" {box and box.group()}>'
    text = head + text[text.index(">") + 1 :]
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: (?:\d+ )?([\d.]+px) [^;\"]*", r"font-size: \1", text)
    return re.sub(r"#[0-9a-f]{6}", lambda m: _variable(m.group()), text).strip()


def style() -> AbstractContextManager[None]:
    """Return the context to draw and save within."""
    return matplotlib.rc_context(STYLE)


def _variable(colour: str) -> str:
    name = VARIABLES.get(colour)
    return f"var(--{name})" if name else colour
