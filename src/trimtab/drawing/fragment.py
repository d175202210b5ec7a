"""Drawings in notebooks."""

from __future__ import annotations

from importlib.resources import files

from markupsafe import Markup


def notebook(*parts: object) -> str:
    """Return parts as one HTML fragment with its own style, for a `_repr_html_`.

    Parameters
    ----------
    *parts : object
        Drawings of this room are included unchanged; any other text becomes a paragraph, and
        empty text is skipped.
    """
    shown = [
        part if hasattr(part, "__html__") else Markup("<p>{}</p>").format(part)
        for part in parts
        if part
    ]
    body = Markup("\n").join(shown)
    # Return a plain string: Markup would escape what a caller appends to it.
    return str(Markup('<div class="trimtab"><style>\n{}</style>\n{}\n</div>').format(css(), body))


def heading(text: str) -> Markup:
    """Return a heading within a fragment."""
    return Markup("<h4>{}</h4>").format(text)


def css() -> Markup:
    """Return the style sheet of all drawings, for elements within the class ``trimtab``."""
    return Markup(files("trimtab.drawing").joinpath("style.css").read_text(encoding="utf-8"))
