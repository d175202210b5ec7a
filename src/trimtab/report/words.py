"""Numbers and sentences in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.concepts.words import article

NONE = "–"
THIN = "\u202f"  # the space between a number and its unit, where no line may break
MINUS = "−"
PLURALS = {"woman": "women", "man": "men"}

ARMS = {
    "plain": "plain",
    "steered": "steered",
    "sum": "sum of directions",
    "generic_svm": "generic SVM",
    "random_direction": "random direction",
}
"""The sets of pictures of an entry, in the order that the page shows them."""

VIEWS = {"product": "recogniser", "oracle": "oracle"}


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


def seen_as(group: str, title: str) -> str:
    """Return the end of "91 % were perceived …" for a group: "as men"."""
    plural = PLURALS.get(group)
    return f"as {plural}" if plural else f"as “{group}” ({title})"


def group_label(group: str) -> str:
    """Return how figures name a group: "women" for woman, all others as they are."""
    return PLURALS.get(group, group)


def still(entry: Mapping[str, Any]) -> str:
    """Return what a picture still shows: "a doctor"."""
    concept = entry.get("concept")
    return f"{article(concept)} {concept}" if concept else "what was asked for"


def headline(entry: Mapping[str, Any]) -> str:
    """Return the sentence that tells one result, of the group that plain pictures show most."""
    before, after = entry["plain"]["product"], entry["steered"]["product"]
    group = most_shown(entry)
    return (
        f"Of {entry['n']} pictures of “{entry['prompt']}”, {percent(before['shares'][group])} "
        f"were perceived {seen_as(group, title(entry))}; with the noise moved "
        f"{sigmas(entry['strength'])} along “{entry['towards']}”, "
        f"{percent(after['shares'][group])}{_kept(entry, after)}."
    )


def judged(entry: Mapping[str, Any]) -> str:
    """Return the same figures as the oracle sees them."""
    before, after = entry["plain"]["oracle"], entry["steered"]["oracle"]
    group = most_shown(entry)
    return (
        f"Judged by the oracle: {percent(before['shares'][group])} before and "
        f"{percent(after['shares'][group])} after were perceived "
        f"{seen_as(group, title(entry))}{_kept(entry, after)}."
    )


def summed(entry: Mapping[str, Any]) -> str:
    """Return what all directions together did to this attribute."""
    group, after = most_shown(entry), entry["sum"]["product"]
    strengths = entry.get("sum_strengths") or {}
    parts = [f"{sigmas(s)} for {name.replace('_', ' ')}" for name, s in strengths.items()]
    how = f" ({listed(parts)})" if parts else ""
    return (
        f"With all directions added up{how}, {percent(after['shares'][group])} were perceived "
        f"{seen_as(group, title(entry))}{_kept(entry, after)}."
    )


def _kept(entry: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    kept = figures.get("concept_kept")
    return "" if missing(kept) else f"; {percent(kept)} still read as {still(entry)}"


def most_shown(entry: Mapping[str, Any]) -> str:
    """Return the group that the plain pictures show most; the first of several."""
    shares: Mapping[str, float] = entry["plain"]["product"]["shares"]
    return max(shares, key=lambda group: shares[group])


def title(entry: Mapping[str, Any]) -> str:
    """Return how to say the attribute: "perceived gender"."""
    return str(entry.get("title") or entry["attribute"].replace("_", " "))


def capital(text: str) -> str:
    """Return the text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def _short(value: float) -> str:
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def _whole(difference: float | None) -> str:
    value = round(100 * float(difference or 0))
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{abs(value)}"
