"""Choice of the step to learn at: accuracy by step, and the one-standard-error rule."""

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
        Standard error over the seeds.
    """

    step: int
    accuracy: float
    standard_error: float


def accuracy_by_step(samples: LatentSamples, estimator: DirectionEstimator) -> list[StepAccuracy]:
    """Fit an estimator at every captured step.

    Parameters
    ----------
    samples : LatentSamples
        Latents captured at several steps.
    estimator : DirectionEstimator
        Cloned for each step; it is not changed.
    """
    fits = [(step, clone(estimator).set_params(step=step).fit(samples)) for step in samples.steps]
    return [StepAccuracy(step, fit.cv_accuracy_, fit.cv_standard_error_) for step, fit in fits]


def choose_step(accuracies: Sequence[StepAccuracy]) -> int:
    """Choose the earliest step whose accuracy is within one standard error of the best.

    This is the one-standard-error rule of Breiman et al. (1984), which takes the cheapest of
    equally good choices.

    Parameters
    ----------
    accuracies : sequence of StepAccuracy
        The result of `accuracy_by_step`.

    Raises
    ------
    UsageError
        If it is empty.
    """
    if not accuracies:
        raise UsageError(got="no steps", expected="at least one", do="capture at some steps")
    best = max(accuracies, key=lambda entry: entry.accuracy)
    enough = best.accuracy - best.standard_error
    return min(entry.step for entry in accuracies if entry.accuracy >= enough)
