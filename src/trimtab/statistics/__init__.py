"""What a sample says of its source: intervals, exact tests, corrections for several tests."""

from __future__ import annotations

from trimtab.statistics.intervals import (
    Estimate,
    Share,
    bootstrap,
    newcombe,
    simultaneous_wilson,
    tango,
    wilson,
)
from trimtab.statistics.significance import holm, mcnemar, stuart_maxwell

__all__ = [
    "Estimate",
    "Share",
    "bootstrap",
    "holm",
    "mcnemar",
    "newcombe",
    "simultaneous_wilson",
    "stuart_maxwell",
    "tango",
    "wilson",
]
