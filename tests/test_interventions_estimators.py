"""Learning directions: against scikit-learn on raw vectors, and with seeds kept together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.svm import SVC

from trimtab.concepts import attribute
from trimtab.errors import UsageError
from trimtab.interventions import (
    Direction,
    LogisticDirection,
    MeanDifference,
    StepAccuracy,
    SVMDirection,
    accuracy_by_step,
    choose_step,
)
from trimtab.latents import LatentSamples, capture

SHAPE = (3, 8, 8)
ESTIMATORS = [SVMDirection(), LogisticDirection(), MeanDifference()]


def made_samples(
    *, groups: tuple[str, ...] = ("woman", "man"), n: int = 24, gap: float = 6.0, noise: float = 1.0
) -> LatentSamples:
    """Samples whose groups lie a known way apart, on top of a noise that a seed's members share.

    At step 1 the groups are `gap` / 6 apart, at step 6 `gap`.
    """
    draw = np.random.default_rng(0)
    shared = draw.standard_normal((1, n, *SHAPE))
    ways = np.stack([Direction.random(SHAPE, i).array for i in range(len(groups))])
    own = noise * draw.standard_normal((len(groups), n, *SHAPE))
    arrays = {
        step: (shared + own + gap * step / 6 * ways[:, None]).astype(np.float32) for step in (1, 6)
    }
    settings = {
        "prompts": {name: [f"a photo of a {name}"] for name in groups},
        "seeds": list(range(20_000, 20_000 + n)),
        "steps": [1, 6],
        "shape": list(SHAPE),
        "attribute": "gender",
        "model": "made",
    }
    return LatentSamples(settings, {1: (900.0, 9.0), 6: (400.0, 2.0)}, arrays)


def raw(samples: LatentSamples, step: int, towards: str) -> tuple[Any, Any]:
    """Flattened latents and labels, as one would hand them to scikit-learn."""
    data = samples.latents(step)
    rows = np.concatenate([array.reshape(len(array), -1) for array in data.values()])
    return rows, np.repeat([name == towards for name in data], len(samples.seeds))


@pytest.mark.parametrize("C", [0.001, 1.0])
def test_the_svm_is_scikit_learn_s_on_raw_vectors(C: float) -> None:
    samples = made_samples()
    ours = SVMDirection(C).fit(samples, step=6, towards="man").direction_
    theirs = SVC(kernel="linear", C=C).fit(*raw(samples, 6, "man")).coef_
    assert ours.cosine(Direction.along(theirs.reshape(SHAPE))) > 0.9999


def test_the_logistic_regression_is_scikit_learn_s_on_raw_vectors() -> None:
    samples = made_samples()
    ours = LogisticDirection(0.1).fit(samples, step=6, towards="man").direction_
    theirs = LogisticRegression(C=0.1, max_iter=10_000).fit(*raw(samples, 6, "man")).coef_
    assert ours.cosine(Direction.along(theirs.reshape(SHAPE))) > 0.999


def test_the_mean_difference_is_the_mean_of_the_paired_differences() -> None:
    samples = made_samples()
    latents = samples.latents(6)
    expected = Direction.along((latents["woman"] - latents["man"]).mean(axis=0))
    ours = MeanDifference().fit(samples, step=6, towards="woman").direction_
    assert ours.cosine(expected) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_the_direction_points_where_it_should(estimator: Any) -> None:
    samples = made_samples()
    way = Direction.along(Direction.random(SHAPE, 0).array - Direction.random(SHAPE, 1).array)
    woman = clone(estimator).fit(samples, step=6, towards="woman")
    man = clone(estimator).fit(samples, step=6, towards="man")
    assert woman.direction_.cosine(way) > 0.6
    assert woman.direction_.cosine(man.direction_) == pytest.approx(-1, abs=1e-6)
    assert clone(estimator).fit(samples, step=6).direction_ == woman.direction_
    low, high = woman.cv_accuracy_interval_
    assert 0.5 < low < woman.cv_accuracy_ <= high <= 1


def test_groups_are_named_as_people_type_them() -> None:
    samples = made_samples(groups=("East Asian", "other"))
    exact = MeanDifference().fit(samples, step=6, towards="East Asian").direction_
    typed = MeanDifference().fit(samples, step=6, towards=" east-asian").direction_
    assert typed == exact
    assert typed.provenance["towards"] == "East Asian"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_one_group_against_several(estimator: Any) -> None:
    samples = made_samples(groups=("a", "b", "c", "d"))
    others = np.mean([Direction.random(SHAPE, i).array for i in (0, 1, 3)], axis=0)
    way = Direction.along(Direction.random(SHAPE, 2).array - others)
    fitted = clone(estimator).fit(samples, step=6, towards="c")
    assert fitted.direction_.cosine(way) > 0.6
    assert fitted.direction_.provenance["against"] == ["a", "b", "d"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_without_a_difference_the_accuracy_is_that_of_chance(estimator: Any) -> None:
    fitted = clone(estimator).fit(made_samples(n=60, gap=0.0), step=6, towards="man")
    low, high = fitted.cv_accuracy_interval_
    assert low < 0.5 < high


def test_splits_keep_a_seed_together() -> None:
    """Members of a seed are near twins: split, each would be taken for its twin, and be wrong."""
    samples = made_samples(gap=0.0, noise=0.01, n=40)
    rows, labels = raw(samples, 6, "man")
    folds = KFold(5, shuffle=True, random_state=0)
    split = cross_val_score(SVC(kernel="linear", C=1e6), rows, labels, cv=folds)
    together = SVMDirection(C=1e6).fit(samples, step=6, towards="man").cv_accuracy_
    assert split.mean() < 0.25
    assert 0.3 < together < 0.7


def test_scikit_learn_s_habits() -> None:
    estimator = SVMDirection(C=3.0)
    assert estimator.get_params() == {"C": 3.0}
    assert clone(estimator).set_params(C=2.0).C == 2.0
    assert estimator.fit(made_samples(), step=6) is estimator


def test_the_provenance_says_what_was_done() -> None:
    facts = SVMDirection().fit(made_samples(), step=6, towards="man").direction_.provenance
    assert facts["estimator"] == {"name": "SVMDirection", "C": 1.0}
    assert (facts["step"], facts["timestep"], facts["sigma"]) == (6, 400.0, 2.0)
    assert (facts["attribute"], facts["towards"], facts["against"]) == ("gender", "man", ["woman"])
    assert facts["n"] == len(facts["seeds"]) == 24
    assert facts["accuracy_interval"][0] < facts["accuracy"]
    assert "torch" in facts["versions"]


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        (made_samples(), {"step": 2}, "captured step: 1, 6"),
        (made_samples(), {"step": 6, "towards": "child"}, "one of woman, man"),
        (made_samples(groups=("a", "b", "c")), {"step": 6}, "no towards"),
        (made_samples(n=1), {"step": 6}, "at least two seeds"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    samples: LatentSamples, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SVMDirection().fit(samples, **options)


def test_groups_that_do_not_differ_are_refused() -> None:
    samples = made_samples(gap=0.0, noise=0.0)
    with pytest.raises(UsageError, match="check that the model knows the words"):
        MeanDifference().fit(samples, step=6)


def test_accuracy_by_step_and_the_choice() -> None:
    estimator = SVMDirection()
    found = accuracy_by_step(made_samples(gap=3.0), estimator, towards="woman")
    assert [entry.step for entry in found] == [1, 6]
    assert found[0].accuracy < found[1].accuracy
    assert choose_step(found) == 6
    assert not hasattr(estimator, "direction_")


@pytest.mark.parametrize(
    ("accuracies", "step"),
    [
        ([(1, 0.6, 0.05), (4, 0.90, 0.04), (8, 0.93, 0.04)], 4),
        ([(1, 0.6, 0.05), (4, 0.88, 0.04), (8, 0.93, 0.04)], 8),
        ([(8, 0.9, 0.0), (4, 0.9, 0.1)], 4),
        ([(3, 0.5, 0.1)], 3),
    ],
)
def test_choose_step(accuracies: list[tuple[int, float, float]], step: int) -> None:
    assert choose_step([StepAccuracy(*entry) for entry in accuracies]) == step


def test_choosing_from_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no steps"):
        choose_step([])


def test_from_a_real_pipeline_to_a_file(pipe: Any, tmp_path: Any) -> None:
    samples = capture(
        pipe, attribute("gender"), range(20_000, 20_006), [1, 2], num_inference_steps=3
    )
    direction = SVMDirection().fit(samples, step=2, towards="woman").direction_
    loaded = Direction.load(direction.save(tmp_path / "woman.safetensors"))
    assert loaded == direction
    assert loaded.provenance == direction.provenance
    assert loaded.name == "gender: woman"
