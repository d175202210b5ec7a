"""Numbers in words, as tables and plots show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

NONE = "–"
THIN = "\u202f"  # the space between a number and its unit, where no line may break
MINUS = "−"
PLURALS = {"woman": "women", "man": "men"}


def missing(value: Any) -> bool:
    """Return whether there is no number to show."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def percent(share: float | None) -> str:
    """Return a share as "91 %", with a decimal only where it has one."""
    if share is None or missing(share):
        return NONE
    return f"{_short(100 * share)}{THIN}%"


def percents(limits: Sequence[float | None] | None) -> str:
    """Return an interval of shares as "84 to 95 %", in whole numbers."""
    if limits is None or any(map(missing, limits)):
        return NONE
    low, high = (f"{100 * float(x or 0):.0f}" for x in limits)
    return f"{low} to {high}{THIN}%"


def points(difference: float | None, *, unit: bool = False) -> str:
    """Return a difference of shares in percentage points, with its sign."""
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
    """Return a number with this many decimals."""
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
    """Return a strength: "3.4 σ", one standard deviation of the noise being σ."""
    return NONE if strength is None else f"{number(strength, 1)}{THIN}σ"


def p_value(p: float | None) -> str:
    """Return a p-value, none of them pretended to be zero."""
    if p is None or missing(p):
        return NONE
    return f"<{THIN}0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float | None) -> str:
    """Return a time: "48 s", "6 min 40 s"."""
    if seconds is None or missing(seconds):
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def listed(words: Sequence[str]) -> str:
    """Join words: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def group_label(group: str) -> str:
    """Return how figures name a group: "women" for woman, all others as they are."""
    return PLURALS.get(group, group)


def capital(text: str) -> str:
    """Return the text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def _short(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _whole(difference: float | None) -> str:
    value = round(100 * float(difference or 0))
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{abs(value)}"
