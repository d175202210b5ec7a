"""The result of learning a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimtab.interventions import Direction
from trimtab.workflows import notebooks
from trimtab.workflows.records import Learned
from trimtab.workflows.result import Result, kept_in


@dataclass(frozen=True, kw_only=True)
class LearnResult(Result):
    """A learned direction.

    Attributes
    ----------
    learned : Learned
        The direction: how it was chosen, and its file.
    accuracy : float
        Cross-validated accuracy at the chosen step.
    accuracy_interval : tuple of float
        Limits of its interval.
    """

    FORMAT: ClassVar[str] = "trimtab-learned"

    learned: Learned
    accuracy: float
    accuracy_interval: tuple[float, float]

    @property
    def direction(self) -> Direction:
        """The direction.

        Raises
        ------
        FileError
            If the result was never stored, or the file is missing or damaged.
        """
        return Direction.from_bytes(kept_in(self).read_file(self.learned.file), self.learned.file)

    def files(self) -> tuple[str, ...]:
        """Return the direction's file."""
        return (self.learned.file,)

    def _repr_html_(self) -> str:
        return notebooks.learned(self.learned, str(self))

    def __str__(self) -> str:
        """Return the accuracy by step and the chosen step."""
        rows = [
            f"step {one.step:>3}  accuracy {one.accuracy:.2f} ± {one.standard_error:.2f}"
            + ("  <- chosen" if one.step == self.learned.step else "")
            for one in self.learned.accuracies
        ]
        low, high = self.accuracy_interval
        first, after = self.learned.seeds
        rows.append(
            f"{self.learned.name}, step {self.learned.step}, cross-validated accuracy "
            f"{self.accuracy:.2f} [{low:.2f}, {high:.2f}], {after - first} seeds per group"
        )
        return "\n".join(rows)
