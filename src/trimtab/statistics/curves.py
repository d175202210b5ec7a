"""What is measured along a curve: counts by strength, and accuracies by step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dose:
    """Counts of pictures at one strength.

    Of `n` pictures, `known` show a group of the attribute, `towards` the group that the direction
    points to, and `kept` the concept.
    """

    strength: float
    n: int
    known: int
    towards: int
    kept: int

    @property
    def share(self) -> float:
        """Share of the group pointed to among the known pictures; NaN if there are none."""
        return self.towards / self.known if self.known else float("nan")


@dataclass(frozen=True)
class Response:
    """A measured dose-response, with the curves fitted to it.

    Attributes
    ----------
    target : float
        Target share of the group that the direction points to.
    doses, judged : tuple of Dose
        Counts by the recogniser, and by the oracle.
    curve : dict of str to tuple of float
        "strength", "share" and "kept": the fitted curves, ready to draw.
    least_kept : float
        Smallest share of pictures that must keep the concept.
    limit : float
        Largest strength in the measured range at which they do.
    """

    target: float
    doses: tuple[Dose, ...]
    judged: tuple[Dose, ...]
    curve: dict[str, tuple[float, ...]]
    least_kept: float
    limit: float


@dataclass(frozen=True)
class Accuracy:
    """Cross-validated accuracy of a direction learned at one step, with its standard error."""

    step: int
    accuracy: float
    standard_error: float
