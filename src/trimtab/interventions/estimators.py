"""Estimators: from captured latents to a direction, with scikit-learn's habits.

All work in the *row space*: m captured latents of d numbers (m ≪ d) span at most m dimensions,
and the normal of a linear classifier with a free intercept lies in the span of the centred rows.
With the QR decomposition (X − mean)ᵀ = Q R the columns of R are the rows' exact coordinates in
that span, a fit on them is the fit on X, and Q maps its normal back. A matrix of 100 × 65,536
becomes one of 100 × 100, and each fold of the cross-validation works on that.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

from trimtab.concepts.words import fold
from trimtab.errors import UsageError
from trimtab.interventions.direction import Direction
from trimtab.latents import LatentSamples
from trimtab.pipelines import library_versions

Array = npt.NDArray[np.float64]
FOLDS = 5


class DirectionEstimator(BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Base of the estimators: a subclass says how a hyperplane is fitted to coordinates.

    Attributes
    ----------
    direction_ : Direction
        Unit normal, from the other group or groups to `towards`.
    cv_accuracy_ : float
        Cross-validated accuracy, 0 to 1, both sides weighing the same; every fold keeps a seed's
        members together.
    cv_accuracy_interval_ : tuple of float
        Wilson 95 % interval of it with the number of seeds as n, as though all members of a seed
        erred together: rather too wide than too narrow.
    cv_standard_error_ : float
        Standard error over the seeds.
    """

    @abstractmethod
    def _hyperplane(self, rows: Array, towards: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        """Give normal and intercept; rows with normal·x + intercept > 0 count as `towards`."""

    def fit(self, samples: LatentSamples, *, step: int, towards: str | None = None) -> Self:
        """Learn the direction at one step.

        Parameters
        ----------
        samples : LatentSamples
            Captured latents of two groups or more, at least two seeds.
        step : int
            A captured step.
        towards : str, optional
            The group that the direction points to (case, spaces, hyphens and underscores do not
            matter); with two groups the first when not given.

        Raises
        ------
        UsageError
            When the step or group is unknown, `towards` is missing with more than two groups,
            there is but one seed, or the groups do not differ.
        """
        towards = _towards(samples, towards)
        data = samples.latents(step)
        if all(np.array_equal(data[towards], other) for other in data.values()):
            raise UsageError(
                got=f"the same latents in all groups of {samples.settings['attribute']}",
                expected="groups that differ",
                do="check that the model knows the words in which the prompts differ",
            )
        rows = np.concatenate([group.reshape(len(group), -1) for group in data.values()]).astype(
            float
        )
        is_towards = np.repeat([name == towards for name in data], len(samples.seeds))
        seeds = np.tile(np.arange(len(samples.seeds)), len(data))
        basis, triangle = np.linalg.qr((rows - rows.mean(axis=0)).T)
        coordinates = triangle.T
        self._cross_validate(coordinates, is_towards, seeds)
        normal, _ = self._hyperplane(coordinates, is_towards)
        facts = self._provenance(samples, step, towards)
        self.direction_ = Direction.along((basis @ normal).reshape(samples.shape), facts)
        return self

    def _cross_validate(
        self, rows: Array, towards: npt.NDArray[np.bool_], seeds: npt.NDArray[np.int_]
    ) -> None:
        right = np.zeros(len(rows))
        folds = GroupKFold(min(FOLDS, seeds.max() + 1))
        for train, test in folds.split(rows, towards, seeds):
            normal, intercept = self._hyperplane(rows[train], towards[train])
            right[test] = (rows[test] @ normal + intercept > 0) == towards[test]
        by_group = right.reshape(-1, seeds.max() + 1)
        is_towards = towards.reshape(by_group.shape)[:, 0]
        by_seed = (by_group[is_towards].mean(axis=0) + by_group[~is_towards].mean(axis=0)) / 2
        self.cv_accuracy_ = float(by_seed.mean())
        self.cv_standard_error_ = float(by_seed.std(ddof=1) / np.sqrt(len(by_seed)))
        self.cv_accuracy_interval_ = _wilson(self.cv_accuracy_, len(by_seed))

    def _provenance(self, samples: LatentSamples, step: int, towards: str) -> dict[str, Any]:
        copied = (
            "model", "revision", "weights", "model_dtype", "family", "scheduler",
            "num_inference_steps", "guidance_scale", "negative_prompt", "height", "width",
            "attribute", "on", "prompts",
        )  # fmt: skip
        return {name: samples.settings.get(name) for name in copied} | {
            "step": step,
            "timestep": samples.timestep(step),
            "sigma": samples.sigma(step),
            "towards": towards,
            "against": [name for name in samples.groups if name != towards],
            "estimator": {"name": type(self).__name__} | self.get_params(),
            "n": len(samples.seeds),
            "seeds": list(samples.seeds),
            "accuracy": self.cv_accuracy_,
            "accuracy_interval": list(self.cv_accuracy_interval_),
            "versions": library_versions(),
        }


class SVMDirection(DirectionEstimator):
    """Normal of a linear support vector machine, as in Lopez Olmos et al. (2024).

    Parameters
    ----------
    C : float
        Penalty of ``sklearn.svm.SVC(kernel="linear")``; the paper's code takes 1.
    """

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def _hyperplane(self, rows: Array, towards: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        # "balanced" changes nothing for two groups and keeps one group from drowning in many
        machine = SVC(kernel="linear", C=self.C, class_weight="balanced").fit(rows, towards)
        return machine.coef_[0], float(machine.intercept_[0])


class LogisticDirection(DirectionEstimator):
    """Normal of an L2-penalised logistic regression.

    Parameters
    ----------
    C : float
        Inverse penalty of ``sklearn.linear_model.LogisticRegression``.
    """

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def _hyperplane(self, rows: Array, towards: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        model = LogisticRegression(C=self.C, class_weight="balanced", max_iter=10_000)
        model.fit(rows, towards)
        return model.coef_[0], float(model.intercept_[0])


class MeanDifference(DirectionEstimator):
    """Mean over the seeds of the difference between the groups: what every probe must beat.

    The same seeds in all groups make the mean of the differences the difference of the means;
    with several other groups it is taken from the mean of them all.
    """

    def _hyperplane(self, rows: Array, towards: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        to, away = rows[towards].mean(axis=0), rows[~towards].mean(axis=0)
        normal = to - away
        return normal, -float(normal @ (to + away)) / 2


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
