"""Numbers and names as text, for tables and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

NONE = "–"
THIN = "\u202f"  # non-breaking space between a number and its unit
MINUS = "−"
PLURALS = {"woman": "women", "man": "men"}


def missing(value: Any) -> bool:
    """Return whether a number is missing."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def percent(share: float | None) -> str:
    """Return a share as "91 %", with a decimal only if needed."""
    if share is None or missing(share):
        return NONE
    return f"{_short(100 * share)}{THIN}%"


def percents(limits: Sequence[float | None] | None) -> str:
    """Return an interval of shares as "84 to 95 %", rounded to whole numbers."""
    if limits is None or any(map(missing, limits)):
        return NONE
    low, high = (f"{100 * float(x or 0):.0f}" for x in limits)
    return f"{low} to {high}{THIN}%"


def points(difference: float | None, *, unit: bool = False) -> str:
    """Return a difference of shares in percentage points, with a sign."""
    if difference is None or missing(difference):
        return NONE
    text = _short(abs(100 * difference))
    sign = "" if float(text) == 0 else "+" if difference > 0 else MINUS
    return f"{sign}{text}{THIN}points" if unit else f"{sign}{text}"


def points_span(low: float | None, high: float | None) -> str:
    """Return the interval of a difference: "−49 to −29"."""
    if missing(low) or missing(high):
        return NONE
    return f"{_whole(low)} to {_whole(high)}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with the given number of decimals."""
    if value is None or missing(value):
        return NONE
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else MINUS)


def numbers(limits: Sequence[float | None] | None, digits: int = 2) -> str:
    """Return an interval of numbers: "0.12 to 0.34"."""
    if limits is None or any(map(missing, limits)):
        return NONE
    return " to ".join(number(limit, digits) for limit in limits)


def sigmas(strength: float | None) -> str:
    """Return a strength as "3.4 σ", where σ is one standard deviation of the noise."""
    return NONE if strength is None else f"{number(strength, 1)}{THIN}σ"


def p_value(p: float | None) -> str:
    """Return a p-value, never rounded to zero."""
    if p is None or missing(p):
        return NONE
    return f"<{THIN}0.001" if p < 0.001 else f"{p:.3f}"


def listed(words: Sequence[str]) -> str:
    """Join words: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def number_of(n: int, what: str) -> str:
    """Return a number of things: "1 picture", "1,200 pictures"."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def group_label(group: str) -> str:
    """Return the label of a group in figures: "women" for woman, others unchanged."""
    return PLURALS.get(group, group)


def spaced(name: str) -> str:
    """Return a name as text: "skin tone" for skin_tone."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """Return the text with a capital first letter and the rest unchanged."""
    return text[:1].upper() + text[1:]


def _short(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _whole(difference: float | None) -> str:
    value = round(100 * float(difference or 0))
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{abs(value)}"
