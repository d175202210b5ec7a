"""Interventions: directions, their weighted sums, adjustments, and estimators to learn directions.

The estimators are imported on first use, since nothing else needs scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.interventions.adjustment import Adjustment, Adjustments
from trimtab.interventions.algebra import Strength
from trimtab.interventions.direction import Direction, Steering
from trimtab.interventions.effect import Arm, Change, Effect, Kept, Shift, Spill
from trimtab.interventions.intervention import (
    Intervention,
    Steerable,
    as_intervention,
    as_steering,
)
from trimtab.interventions.notation import (
    find,
    load_intervention,
    parse_adjustment,
    parse_steering,
    written,
)
from trimtab.interventions.projection import CalibratedProjection
from trimtab.interventions.shift import EmbeddingShift
from trimtab.interventions.words import AddedWords
from trimtab.lazy import lazy

if TYPE_CHECKING:
    from trimtab.interventions.estimators import (
        DirectionEstimator,
        LogisticDirection,
        MeanDifference,
        SVMDirection,
    )
    from trimtab.interventions.step_choice import StepAccuracy, accuracy_by_step, choose_step

__all__ = [
    "AddedWords",
    "Adjustment",
    "Adjustments",
    "Arm",
    "CalibratedProjection",
    "Change",
    "Direction",
    "DirectionEstimator",
    "Effect",
    "EmbeddingShift",
    "Intervention",
    "Kept",
    "LogisticDirection",
    "MeanDifference",
    "SVMDirection",
    "Shift",
    "Spill",
    "Steerable",
    "Steering",
    "StepAccuracy",
    "Strength",
    "accuracy_by_step",
    "as_intervention",
    "as_steering",
    "choose_step",
    "find",
    "load_intervention",
    "parse_adjustment",
    "parse_steering",
    "written",
]

__getattr__ = lazy(
    __name__,
    {
        "estimators": ["DirectionEstimator", "LogisticDirection", "MeanDifference", "SVMDirection"],
        "step_choice": ["StepAccuracy", "accuracy_by_step", "choose_step"],
    },
)
