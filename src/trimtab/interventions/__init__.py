"""Directions in latent space: the value and its file, weighted sums, and how they are learned."""

from __future__ import annotations

from trimtab.interventions.direction import Direction
from trimtab.interventions.estimators import (
    DirectionEstimator,
    LogisticDirection,
    MeanDifference,
    SVMDirection,
)
from trimtab.interventions.steering import Steering, as_steering
from trimtab.interventions.step_choice import StepAccuracy, accuracy_by_step, choose_step

__all__ = [
    "Direction",
    "DirectionEstimator",
    "LogisticDirection",
    "MeanDifference",
    "SVMDirection",
    "Steering",
    "StepAccuracy",
    "accuracy_by_step",
    "as_steering",
    "choose_step",
]
