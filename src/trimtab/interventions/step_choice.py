"""Which step to learn at: accuracy by step, and the one-standard-error rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sklearn.base import clone

from trimtab.errors import UsageError
from trimtab.interventions.estimators import DirectionEstimator
from trimtab.latents import LatentSamples


class StepAccuracy(NamedTuple):
    """Cross-validated accuracy of a direction learned at one step.

    Attributes
    ----------
    step : int
        Completed steps.
    accuracy : float
        From 0 to 1.
    standard_error : float
        Over the seeds.
    """

    step: int
    accuracy: float
    standard_error: float


def accuracy_by_step(
    samples: LatentSamples, estimator: DirectionEstimator, *, towards: str | None = None
) -> list[StepAccuracy]:
    """Fit an estimator at every captured step.

    Parameters
    ----------
    samples : LatentSamples
        Captured at several steps.
    estimator : DirectionEstimator
        Cloned for each; it stays as it is.
    towards : str, optional
        As in ``fit``.
    """
    fits = [
        (step, clone(estimator).fit(samples, step=step, towards=towards)) for step in samples.steps
    ]
    return [StepAccuracy(step, fit.cv_accuracy_, fit.cv_standard_error_) for step, fit in fits]


def choose_step(accuracies: Sequence[StepAccuracy]) -> int:
    """Choose the earliest step whose accuracy is within one standard error of the best.

    The one-standard-error rule of Breiman et al. (1984): the cheapest of the equally good.

    Parameters
    ----------
    accuracies : sequence of StepAccuracy
        What `accuracy_by_step` gave.

    Raises
    ------
    UsageError
        When it is empty.
    """
    if not accuracies:
        raise UsageError(got="no steps", expected="at least one", do="capture at some steps")
    best = max(accuracies, key=lambda entry: entry.accuracy)
    enough = best.accuracy - best.standard_error
    return min(entry.step for entry in accuracies if entry.accuracy >= enough)
