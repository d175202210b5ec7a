"""Interventions: directions, their weighted sums, adjustments, and estimators to learn directions.

The estimators are imported on first use, since nothing else needs scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trimtab.interventions.adjustment import AddedWords, Adjustment
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
    parse_steering,
    parse_words,
    written_words,
)

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
    "Arm",
    "Change",
    "Direction",
    "DirectionEstimator",
    "Effect",
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
    "parse_steering",
    "parse_words",
    "written_words",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    steps = ("StepAccuracy", "accuracy_by_step", "choose_step")
    module = "step_choice" if name in steps else "estimators"
    return getattr(import_module(f"{__name__}.{module}"), name)
