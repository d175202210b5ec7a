"""Association of embeddings, and rank correlation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.metrics import cosines, mean_cosine, rarity
from trimtab.statistics import spearman


def vectors(seed: int, n: int, e: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, e))


@given(st.integers(0, 99), st.floats(0.1, 10), st.floats(0.1, 10))
def test_cosines_depend_on_angles_alone(seed: int, a: float, b: float) -> None:
    concept, *others = vectors(seed, 5)
    found = cosines(concept, others)
    assert np.allclose(found, cosines(a * concept, b * np.array(others)))
    assert cosines(concept, [concept])[0] == pytest.approx(1)
    expected = [np.dot(concept, o) / np.linalg.norm(concept) / np.linalg.norm(o) for o in others]
    assert np.allclose(found, expected)


def test_rarity_counts_unrelated_words_that_come_as_close() -> None:
    null = np.arange(99) / 100
    assert rarity([2.0, 0.98, 0.5, -1.0], null) == pytest.approx([0.01, 0.02, 0.5, 1.0])


def test_rarity_of_one_more_unrelated_word_is_even() -> None:
    rng = np.random.default_rng(0)
    found = [rarity(rng.normal(), rng.normal(size=19)) for _ in range(2000)]
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.03)


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    a, b = vectors(1, 20), vectors(2, 30)
    pairs = [cosines(row, b) for row in a]
    found = mean_cosine(a, b)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low < found.value < found.high and found.n == 20


def test_the_interval_of_the_mean_cosine_covers_the_truth() -> None:
    means, hits = vectors(3, 2), 0
    rng = np.random.default_rng(4)

    def some(n: int, mean: np.ndarray) -> np.ndarray:
        rows = mean + rng.normal(size=(n, 6))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    truth = some(200_000, means[0]).mean(axis=0) @ some(200_000, means[1]).mean(axis=0)
    for _ in range(200):
        found = mean_cosine(some(30, means[0]), some(30, means[1]), resamples=300)
        hits += found.low <= truth <= found.high
    assert hits >= 180  # of 200, where 190 are expected


def test_pictures_without_embedding_are_left_out() -> None:
    a, b = vectors(5, 10), vectors(6, 10)
    gap = np.vstack([a, np.full(6, np.nan)])
    assert mean_cosine(gap, b) == mean_cosine(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.empty((0, 6)), vectors(0, 3)),
        (vectors(0, 3), vectors(0, 3, 7)),
        (np.zeros((2, 6)), vectors(0, 3)),
        (np.full((2, 6), np.nan), vectors(0, 3)),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(a: np.ndarray, b: np.ndarray) -> None:
    with pytest.raises(UsageError, match="embeddings of shape"):
        mean_cosine(a, b)
    with pytest.raises(UsageError):
        cosines(b[0], a)


@given(st.integers(0, 200), st.integers(5, 40))
def test_spearman_is_scipys_and_lies_in_its_interval(seed: int, n: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, n))
    found = spearman(x, y)
    assert found.value == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert spearman(-x, y).low == pytest.approx(-found.high)
    assert spearman(np.exp(x), y).value == pytest.approx(found.value)


def test_a_perfect_order_of_few_is_no_proof() -> None:
    found = spearman(range(5), range(5))
    assert found.value == pytest.approx(1) and found.high == pytest.approx(1)
    assert found.low < 0.6
    assert spearman(range(50), range(50)).low > 0.95


def test_the_interval_of_spearman_covers_the_truth() -> None:
    rng, rho, hits = np.random.default_rng(7), 0.6, 0
    truth = 6 / math.pi * math.asin(rho / 2)  # of a bivariate normal distribution
    for _ in range(400):
        x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 30).T
        found = spearman(x, y)
        hits += found.low <= truth <= found.high
    assert hits >= 365  # of 400, where 380 are expected


@pytest.mark.parametrize("y", [[1, 2, 3], [1, 1, 1], []])
def test_too_few_pairs_or_equal_values_have_no_correlation(y: list[int]) -> None:
    found = spearman(range(len(y)), y)
    assert math.isnan(found.value) and (found.low, found.high) == (-1, 1)


def test_pairs_without_a_value_are_refused() -> None:
    for x, y in (([1, 2, 3, 4], [1, 2, 3, math.nan]), ([1, 2], [1, 2, 3])):
        with pytest.raises(UsageError, match="values of shapes"):
            spearman(x, y)
