"""Superiority of one sample over another, in many variables at once."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.statistics import superiority


@given(st.integers(0, 300), st.integers(2, 30), st.integers(2, 30), st.integers(1, 4))
def test_it_is_the_share_of_pairs_and_scipys_test(seed: int, n: int, m: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=(size, 3)).round(decimals - 1) for size in (n, m))
    found = superiority(x, y)
    pairs = x[:, None] - y[None]
    assert np.allclose(found.value, ((pairs > 0) + 0.5 * (pairs == 0)).mean(axis=(0, 1)))
    test = scipy.stats.mannwhitneyu(x, y, method="asymptotic")
    assert np.allclose(found.p, np.nan_to_num(test.pvalue, nan=1), atol=1e-9)
    assert (found.low <= found.value).all() and (found.value <= found.high).all()
    mirrored = superiority(y, x)
    assert np.allclose(mirrored.value, 1 - found.value)
    assert np.allclose(mirrored.low, 1 - found.high)
    assert (found.q >= found.p - 1e-12).all()


def test_samples_that_do_not_overlap_are_no_certainty() -> None:
    x, y = np.arange(5.0)[:, None] + 10, np.arange(5.0)[:, None]
    found = superiority(x, y)
    assert found.value[0] == found.high[0] == 1
    assert found.low[0] < 0.95


def test_equal_values_tell_nothing() -> None:
    found = superiority(np.ones((4, 1)), np.ones((5, 1)))
    assert (found.value[0], found.p[0]) == (0.5, 1)


def test_the_intervals_cover_the_truth() -> None:
    rng, truth = np.random.default_rng(0), scipy.stats.norm.cdf(0.8 / np.sqrt(2))
    found = superiority(rng.normal(size=(40, 2000)) + 0.8, rng.normal(size=(40, 2000)))
    assert ((found.low <= truth) & (truth <= found.high)).mean() == pytest.approx(0.95, abs=0.02)


def test_few_of_what_is_named_differ_by_chance_alone() -> None:
    rng, tries, wrong = np.random.default_rng(1), 300, 0
    for _ in range(tries):
        x, y = rng.normal(size=(2, 50, 100))
        wrong += bool((superiority(x, y).q <= 0.05).any())
    assert wrong <= 25  # of 300, where 15 are expected

    x, y = rng.normal(size=(2, 100, 400))
    x[:, :80] += 1
    named = superiority(x, y).q <= 0.05
    assert named[:80].mean() >= 0.95
    assert named[80:].sum() <= 0.12 * named.sum()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.ones((1, 2)), np.ones((3, 2))),
        (np.ones((3, 2)), np.ones((3, 3))),
        (np.ones(3), np.ones(3)),
        (np.full((3, 1), np.nan), np.ones((3, 1))),
    ],
)
def test_samples_that_do_not_fit_are_refused(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(UsageError, match="samples of shapes"):
        superiority(x, y)
