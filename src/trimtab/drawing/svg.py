"""Convert matplotlib figures to inline SVG with the fonts and colours of the page.

We use matplotlib rather than plotly because a static picture is small (a few kilobytes instead of
megabytes of script), works without JavaScript, prints well, and always has the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure

from trimtab.drawing.style import VARIABLES

SVG = "{http://www.w3.org/2000/svg}"


def inline(figure: Figure, says: str) -> Markup:
    """Return the figure as an SVG element for HTML.

    Its ids start with a hash of the drawing, so that a page may contain several drawings.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A figure drawn within `style`.
    says : str
        The text for screen readers: the values in the figure.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Text stays text, and a browser has letters that matplotlib's font has not.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawn = ElementTree.fromstring(buffer.getvalue())
    svg = ElementTree.Element("svg", {"class": "figure", "role": "img", "aria-label": says})
    svg.set("viewBox", drawn.attrib["viewBox"])
    svg.extend(child for child in drawn if child.tag.startswith(SVG))
    _drop_styles_and_metadata(svg)
    used = _references(svg)
    digest = hashlib.sha256((says + buffer.getvalue()).encode()).hexdigest()[:10]
    for element in svg.iter():
        element.tag = element.tag.removeprefix(SVG)
        if element.text and not element.text.strip():
            element.text = None
        element.tail = None
        element.attrib = {
            key.rpartition("}")[2]: _value(key, value, f"g{digest}-")
            for key, value in element.attrib.items()
            if key != "id" or value in used
        }
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def _drop_styles_and_metadata(parent: ElementTree.Element) -> None:
    for child in list(parent):
        if child.tag in (f"{SVG}metadata", f"{SVG}style"):
            parent.remove(child)
        else:
            _drop_styles_and_metadata(child)


def _references(svg: ElementTree.Element) -> set[str]:
    """Return the ids that are referenced, as ``#id`` or in ``url(#id)``."""
    values = [value for element in svg.iter() for value in element.attrib.values()]
    return {value.partition("#")[2].partition(")")[0] for value in values if "#" in value}


def _value(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return prefix + value
    if key.endswith("href"):
        return f"#{prefix}{value[1:]}"
    if key == "d":
        return " ".join(value.split())
    if key == "style":
        pairs = (declaration.partition(":") for declaration in value.split(";"))
        kept = (_declaration(name.strip(), said.strip(), prefix) for name, _, said in pairs)
        return "; ".join(one for one in kept if one)
    return _coloured(value, prefix)


def _declaration(name: str, value: str, prefix: str) -> str:
    if name == "font-family":  # the page's own
        return ""
    if name == "font":  # of older matplotlib: [weight] size family
        weight, _, size = f"normal {value.partition('px')[0]}".rpartition(" ")
        return f"font-weight: {weight.split()[-1]}; font-size: {size}px"
    return f"{name}: {_coloured(value, prefix)}"


def _coloured(value: str, prefix: str) -> str:
    return VARIABLES.get(value, value).replace("url(#", f"url(#{prefix}")
