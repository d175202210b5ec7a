"""Estimators that learn directions from captured latents, following scikit-learn's conventions.

All of them work in the *row space*: m captured latents of d numbers (m ≪ d) span at most m
dimensions, and the normal of a linear classifier with a free intercept lies in the span of the
centred rows. In the QR decomposition (X − mean)ᵀ = Q R, the columns of R are the exact coordinates
of the rows in this span. A fit on them is equivalent to a fit on X, and Q maps its normal back. A
matrix of 100 × 65,536 becomes one of 100 × 100, on which each fold of the cross-validation works.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut
from sklearn.svm import SVC

from trimtab.concepts.words import fold
from trimtab.errors import UsageError
from trimtab.interventions.direction import Direction
from trimtab.latents import LatentSamples
from trimtab.pipelines import library_versions

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Numbers: TypeAlias = npt.NDArray[np.int_]
Folds: TypeAlias = Iterable[tuple[Numbers, Numbers]]
FOLDS = 5


class DirectionEstimator(BaseEstimator, ABC):  # type: ignore[misc]  # sklearn has no types
    """Base class of the estimators; subclasses fit a hyperplane to coordinates.

    Parameters
    ----------
    step : int, optional
        The captured step to learn at; may be omitted if only one step was captured.
    towards : str, optional
        The group that the direction points to (case, spaces, hyphens and underscores do not
        matter). Defaults to the first of two groups.

    Attributes
    ----------
    direction_ : Direction
        Unit normal, pointing from the other group or groups to `towards`.
    cv_accuracy_ : float
        Cross-validated accuracy, 0 to 1, with equal weight for both sides. Members of the same seed
        stay in the same fold; seeds are assigned to folds by a generator with a fixed seed.
    cv_accuracy_interval_ : tuple of float
        Wilson 95 % interval of the accuracy, with the number of seeds as n. It assumes that all
        members of a seed err together, so it is conservative.
    cv_standard_error_ : float
        Standard error over the seeds.
    concept_accuracy_ : dict of str to float
        Accuracy on each concept after learning from the other concepts; empty if the latents have
        fewer than two concepts.
    """

    def __init__(self, *, step: int | None = None, towards: str | None = None) -> None:
        self.step = step
        self.towards = towards

    @abstractmethod
    def _hyperplane(self, rows: Array, towards: Mask) -> tuple[Array, float]:
        """Return normal and intercept; rows with normal·x + intercept > 0 count as `towards`."""

    def fit(self, samples: LatentSamples, y: None = None) -> Self:
        """Learn the direction at one step.

        Parameters
        ----------
        samples : LatentSamples
            Captured latents of at least two groups and two seeds.
        y : None
            Ignored; present for compatibility with scikit-learn. The samples contain the groups.

        Raises
        ------
        UsageError
            If the step or group is unknown, `step` is missing with several steps, `towards` is
            missing with more than two groups, there is only one seed, or the groups do not differ.
        """
        towards, step = _towards(samples, self.towards), _step(samples, self.step)
        data = samples.latents(step)
        if all(np.array_equal(data[towards], other) for other in data.values()):
            raise UsageError(
                got=f"the same latents in all groups of {samples.settings['attribute']}",
                expected="groups that differ",
                do="check that the model understands the words in which the prompts differ",
            )
        rows = np.concatenate([group.reshape(len(group), -1) for group in data.values()]).astype(
            float
        )
        is_towards = np.repeat([name == towards for name in data], len(samples.seeds))
        basis, triangle = np.linalg.qr((rows - rows.mean(axis=0)).T)
        coordinates = triangle.T
        self._cross_validate(samples, coordinates, is_towards)
        normal, _ = self._hyperplane(coordinates, is_towards)
        facts = self._provenance(samples, step, towards)
        self.direction_ = Direction.along((basis @ normal).reshape(samples.shape), facts)
        return self

    def _cross_validate(self, samples: LatentSamples, rows: Array, towards: Mask) -> None:
        n = len(samples.seeds)
        seeds = np.tile(np.arange(n), len(samples.groups))
        # Shuffle, since folds would otherwise coincide with concepts, which alternate too.
        folds = GroupKFold(min(FOLDS, n), shuffle=True, random_state=0)
        by_seed = self._accuracies(rows, towards, seeds, folds.split(rows, towards, seeds))
        self.cv_accuracy_ = float(by_seed.mean())
        self.cv_standard_error_ = float(by_seed.std(ddof=1) / np.sqrt(n))
        self.cv_accuracy_interval_ = _wilson(self.cv_accuracy_, n)
        names = samples.settings.get("on") or ()
        concepts = np.asarray(samples.turns)
        self.concept_accuracy_: dict[str, float] = {}
        if len(set(concepts)) > 1:
            by_concept = LeaveOneGroupOut().split(rows, towards, concepts[seeds])
            by_seed = self._accuracies(rows, towards, seeds, by_concept)
            self.concept_accuracy_ = {
                names[i]: float(by_seed[concepts == i].mean()) for i in sorted(set(concepts))
            }

    def _accuracies(self, rows: Array, towards: Mask, seeds: Numbers, folds: Folds) -> Array:
        """Return the accuracy on each seed of a hyperplane fitted without it."""
        right = np.zeros(len(rows))
        for train, test in folds:
            normal, intercept = self._hyperplane(rows[train], towards[train])
            right[test] = (rows[test] @ normal + intercept > 0) == towards[test]
        by_group = right.reshape(-1, seeds.max() + 1)
        is_towards = towards.reshape(by_group.shape)[:, 0]
        return np.asarray(
            (by_group[is_towards].mean(axis=0) + by_group[~is_towards].mean(axis=0)) / 2
        )

    def _provenance(self, samples: LatentSamples, step: int, towards: str) -> dict[str, Any]:
        copied = (
            "model", "revision", "weights", "model_dtype", "family", "scheduler",
            "num_inference_steps", "guidance_scale", "negative_prompt", "height", "width",
            "attribute", "on", "prompts",
        )  # fmt: skip
        parameters = self.get_params()
        del parameters["step"], parameters["towards"]
        found = {"concept_accuracy": self.concept_accuracy_} if self.concept_accuracy_ else {}
        return (
            {name: samples.settings.get(name) for name in copied}
            | found
            | {
                "step": step,
                "timestep": samples.timestep(step),
                "sigma": samples.sigma(step),
                "towards": towards,
                "against": [name for name in samples.groups if name != towards],
                "estimator": {"name": type(self).__name__, **parameters},
                "n": len(samples.seeds),
                "seeds": list(samples.seeds),
                "accuracy": self.cv_accuracy_,
                "accuracy_interval": list(self.cv_accuracy_interval_),
                "versions": library_versions(),
            }
        )


class SVMDirection(DirectionEstimator):
    """Normal of a linear support vector machine, as in Lopez Olmos et al. (2024).

    Parameters
    ----------
    step, towards
        As in `DirectionEstimator`.
    C : float
        Penalty of ``sklearn.svm.SVC(kernel="linear")``; the paper's code uses 1.
    """

    def __init__(
        self, *, step: int | None = None, towards: str | None = None, C: float = 1.0
    ) -> None:
        super().__init__(step=step, towards=towards)
        self.C = C

    def _hyperplane(self, rows: Array, towards: Mask) -> tuple[Array, float]:
        # "balanced" has no effect with two groups, and keeps one from being outweighed by many
        machine = SVC(kernel="linear", C=self.C, class_weight="balanced").fit(rows, towards)
        return machine.coef_[0], float(machine.intercept_[0])


class LogisticDirection(DirectionEstimator):
    """Normal of an L2-penalised logistic regression.

    Parameters
    ----------
    step, towards
        As in `DirectionEstimator`.
    C : float
        Inverse penalty of ``sklearn.linear_model.LogisticRegression``.
    """

    def __init__(
        self, *, step: int | None = None, towards: str | None = None, C: float = 1.0
    ) -> None:
        super().__init__(step=step, towards=towards)
        self.C = C

    def _hyperplane(self, rows: Array, towards: Mask) -> tuple[Array, float]:
        model = LogisticRegression(C=self.C, class_weight="balanced", max_iter=10_000)
        model.fit(rows, towards)
        return model.coef_[0], float(model.intercept_[0])


class MeanDifference(DirectionEstimator):
    """Mean over the seeds of the difference between the groups, the baseline for every probe.

    Since all groups have the same seeds, the mean of the differences equals the difference of the
    means. With several other groups, the difference is from the mean of all of them.

    Parameters
    ----------
    step, towards
        As in `DirectionEstimator`.
    """

    def _hyperplane(self, rows: Array, towards: Mask) -> tuple[Array, float]:
        to, away = rows[towards].mean(axis=0), rows[~towards].mean(axis=0)
        normal = to - away
        return normal, -float(normal @ (to + away)) / 2


def _step(samples: LatentSamples, step: int | None) -> int:
    if step is None and len(samples.steps) > 1:
        raise UsageError(
            got=f"latents of {len(samples.steps)} steps and no step",
            expected=f"one of {', '.join(map(str, samples.steps))}",
            do="choose one, for example with accuracy_by_step and choose_step",
        )
    return samples.steps[0] if step is None else step


def _towards(samples: LatentSamples, towards: str | None) -> str:
    groups = ", ".join(samples.groups)
    if towards is None and len(samples.groups) > 2:
        raise UsageError(
            got=f"{len(samples.groups)} groups and no towards",
            expected=f"one of {groups}",
            do="name the group that the direction should point to",
        )
    if len(samples.seeds) < 2:
        raise UsageError(
            got="latents of one seed", expected="at least two seeds", do="capture more seeds"
        )
    for group in samples.groups:
        if towards is None or fold(str(towards)) == fold(group):
            return group
    raise UsageError(
        got=f"towards {towards!r}", expected=f"one of {groups}", do="choose a captured group"
    )


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
