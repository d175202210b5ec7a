"""The sentences of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.concepts.words import article
from trimtab.drawing.words import PLURALS, listed, missing, percent, sigmas

ARMS = {
    "plain": "plain",
    "steered": "steered",
    "sum": "sum of directions",
    "generic_svm": "generic SVM",
    "random_direction": "random direction",
}
"""The sets of pictures of an entry, in the order that the page shows them."""

VIEWS = {"product": "recogniser", "oracle": "oracle"}


def seen_as(group: str, title: str) -> str:
    """Return the end of "91 % were perceived …" for a group: "as men"."""
    plural = PLURALS.get(group)
    return f"as {plural}" if plural else f"as “{group}” ({title})"


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
