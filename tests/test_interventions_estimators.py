"""Learning directions: against scikit-learn on raw vectors, and with seeds kept together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from trimtab.concepts import attribute
from trimtab.errors import UsageError
from trimtab.interventions import (
    Direction,
    DirectionEstimator,
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


def at(estimator: Any, **options: Any) -> Any:
    """A copy of an estimator for step 6."""
    return clone(estimator).set_params(step=6, **options)


def raw(samples: LatentSamples, step: int, towards: str) -> tuple[Any, Any]:
    """Flattened latents and labels, as one would hand them to scikit-learn."""
    data = samples.latents(step)
    rows = np.concatenate([array.reshape(len(array), -1) for array in data.values()])
    return rows, np.repeat([name == towards for name in data], len(samples.seeds))


@pytest.mark.parametrize("C", [0.001, 1.0])
def test_the_svm_is_scikit_learn_s_on_raw_vectors(C: float) -> None:
    samples = made_samples()
    ours = SVMDirection(step=6, towards="man", C=C).fit(samples).direction_
    theirs = SVC(kernel="linear", C=C).fit(*raw(samples, 6, "man")).coef_
    assert ours.cosine(Direction.along(theirs.reshape(SHAPE))) > 0.9999


def test_the_logistic_regression_is_scikit_learn_s_on_raw_vectors() -> None:
    samples = made_samples()
    ours = LogisticDirection(step=6, towards="man", C=0.1).fit(samples).direction_
    theirs = LogisticRegression(C=0.1, max_iter=10_000).fit(*raw(samples, 6, "man")).coef_
    assert ours.cosine(Direction.along(theirs.reshape(SHAPE))) > 0.999


def test_the_mean_difference_is_the_mean_of_the_paired_differences() -> None:
    samples = made_samples()
    latents = samples.latents(6)
    expected = Direction.along((latents["woman"] - latents["man"]).mean(axis=0))
    ours = MeanDifference(step=6, towards="woman").fit(samples).direction_
    assert ours.cosine(expected) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_the_direction_points_where_it_should(estimator: Any) -> None:
    samples = made_samples()
    way = Direction.along(Direction.random(SHAPE, 0).array - Direction.random(SHAPE, 1).array)
    woman = at(estimator, towards="woman").fit(samples)
    man = at(estimator, towards="man").fit(samples)
    assert woman.direction_.cosine(way) > 0.6
    assert woman.direction_.cosine(man.direction_) == pytest.approx(-1, abs=1e-6)
    assert at(estimator).fit(samples).direction_ == woman.direction_
    low, high = woman.cv_accuracy_interval_
    assert 0.5 < low < woman.cv_accuracy_ <= high <= 1


def test_groups_are_named_as_people_type_them() -> None:
    samples = made_samples(groups=("East Asian", "other"))
    exact = MeanDifference(step=6, towards="East Asian").fit(samples).direction_
    typed = MeanDifference(step=6, towards=" east-asian").fit(samples).direction_
    assert typed == exact
    assert typed.provenance["towards"] == "East Asian"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_one_group_against_several(estimator: Any) -> None:
    samples = made_samples(groups=("a", "b", "c", "d"))
    others = np.mean([Direction.random(SHAPE, i).array for i in (0, 1, 3)], axis=0)
    way = Direction.along(Direction.random(SHAPE, 2).array - others)
    fitted = at(estimator, towards="c").fit(samples)
    assert fitted.direction_.cosine(way) > 0.6
    assert fitted.direction_.provenance["against"] == ["a", "b", "d"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_without_a_difference_the_accuracy_is_that_of_chance(estimator: Any) -> None:
    fitted = at(estimator, towards="man").fit(made_samples(n=60, gap=0.0))
    low, high = fitted.cv_accuracy_interval_
    assert low < 0.5 < high


def test_splits_keep_a_seed_together() -> None:
    """Members of a seed are near twins: split, each would be taken for its twin, and be wrong."""
    samples = made_samples(gap=0.0, noise=0.01, n=40)
    rows, labels = raw(samples, 6, "man")
    folds = KFold(5, shuffle=True, random_state=0)
    split = cross_val_score(SVC(kernel="linear", C=1e6), rows, labels, cv=folds)
    together = SVMDirection(step=6, towards="man", C=1e6).fit(samples).cv_accuracy_
    assert split.mean() < 0.25
    assert 0.3 < together < 0.7


def test_scikit_learn_s_habits() -> None:
    for estimator in ESTIMATORS:
        asked = {**estimator.get_params(), "step": 6, "towards": "man"}
        made = type(estimator)(**asked)
        before = made.get_params()
        assert before == asked
        assert made.fit(made_samples(), None) is made
        assert made.get_params() == before  # learned names end in _
        learned = vars(made).keys() - before.keys()
        assert all(name.endswith("_") for name in learned) and "direction_" in learned
        copy = clone(made).set_params(towards="woman")
        assert (copy.towards, made.towards) == ("woman", "man")
        assert not hasattr(copy, "direction_")
    assert SVMDirection(step=6, C=3.0).get_params() == {"step": 6, "towards": None, "C": 3.0}
    assert "SVMDirection(C=3.0, step=6)" in repr(SVMDirection(step=6, C=3.0))
    found = make_pipeline(SVMDirection(step=6)).fit(made_samples())
    assert found[-1].direction_.name == "gender: woman"


def test_an_estimator_without_a_hyperplane_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        DirectionEstimator()


def test_one_captured_step_need_not_be_named() -> None:
    samples = made_samples()
    one = LatentSamples(
        samples.settings | {"steps": [6]},
        {6: (400.0, 2.0)},
        {6: np.stack(list(samples.latents(6).values()))},
    )
    fitted = MeanDifference().fit(one)
    assert fitted.direction_ == MeanDifference(step=6).fit(samples).direction_
    assert fitted.direction_.provenance["step"] == 6


# Several concepts

CONCEPTS = ["doctor", "nurse", "teacher", "pilot", "chef"]


def on_concepts(odd: str | None = None) -> LatentSamples:
    """Samples of five concepts in turn; in the odd one the groups differ the other way around."""
    samples = made_samples(n=40)
    arrays = np.stack(list(samples.latents(6).values()))
    if odd is not None:
        at = CONCEPTS.index(odd)
        arrays[:, at::5] = arrays[::-1, at::5]
    settings = samples.settings | {"steps": [6], "on": CONCEPTS}
    settings["prompts"] = {g: [f"a {g} {c}" for c in CONCEPTS] for g in ("woman", "man")}
    return LatentSamples(settings, {6: (400.0, 2.0)}, {6: arrays})


def test_each_concept_is_left_out_by_name() -> None:
    fitted = MeanDifference().fit(on_concepts("pilot"))
    assert list(fitted.concept_accuracy_) == CONCEPTS
    assert fitted.concept_accuracy_["pilot"] < 0.2
    assert all(fitted.concept_accuracy_[name] > 0.8 for name in CONCEPTS if name != "pilot")
    assert fitted.direction_.provenance["concept_accuracy"] == fitted.concept_accuracy_
    for one in (made_samples(), made_samples(n=4)):
        assert MeanDifference(step=6).fit(one).concept_accuracy_ == {}


def test_folds_do_not_fall_in_with_the_concepts() -> None:
    seen: list[set[int]] = []

    class Watching(MeanDifference):
        def _accuracies(self, rows: Any, towards: Any, seeds: Any, folds: Any) -> Any:
            folds = list(folds)
            seen.extend({seed % 5 for seed in seeds[test]} for _, test in folds)
            return super()._accuracies(rows, towards, seeds, folds)

    Watching().fit(on_concepts())
    shuffled, left_out = seen[:5], seen[5:]
    assert all(len(concepts) > 2 for concepts in shuffled)
    assert left_out == [{i} for i in range(5)]
    assert Watching().fit(on_concepts()).cv_accuracy_ == Watching().fit(on_concepts()).cv_accuracy_


def test_the_provenance_says_what_was_done() -> None:
    facts = SVMDirection(step=6, towards="man").fit(made_samples()).direction_.provenance
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
        (made_samples(), {}, "2 steps and no step"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    samples: LatentSamples, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SVMDirection(**options).fit(samples)


def test_groups_that_do_not_differ_are_refused() -> None:
    samples = made_samples(gap=0.0, noise=0.0)
    with pytest.raises(UsageError, match="check that the model understands the words"):
        MeanDifference(step=6).fit(samples)


def test_accuracy_by_step_and_the_choice() -> None:
    estimator = SVMDirection(towards="woman")
    found = accuracy_by_step(made_samples(gap=3.0), estimator)
    assert [entry.step for entry in found] == [1, 6]
    assert found[0].accuracy < found[1].accuracy
    assert choose_step(found) == 6
    assert not hasattr(estimator, "direction_") and estimator.step is None


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
    direction = SVMDirection(step=2, towards="woman").fit(samples).direction_
    loaded = Direction.load(direction.save(tmp_path / "woman.safetensors"))
    assert loaded == direction
    assert loaded.provenance == direction.provenance
    assert loaded.name == "gender: woman"
