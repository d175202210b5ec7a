"""True shares from counted ones, with the error of the recogniser."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.statistics import corrected_shares


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_recogniser_without_error_changes_nothing(a: int, b: int) -> None:
    first, second = corrected_shares([a, b], [[5000, 0], [0, 5000]])
    if a + b == 0:
        assert math.isnan(first.value)
        return
    assert first.value == pytest.approx(a / (a + b)) and second.value == pytest.approx(b / (a + b))
    assert first.low <= first.value <= first.high
    assert first.n == a + b


def test_rogan_and_gladen() -> None:
    # q = 0.3, Se = 0.9, Sp = 0.8: (0.3 + 0.8 - 1) / (0.9 + 0.8 - 1)
    first, second = corrected_shares([30, 70], [[90, 10], [20, 80]])
    assert first.value == pytest.approx(0.1 / 0.7)
    assert (second.low, second.high) == pytest.approx((1 - first.high, 1 - first.low))
    none, _ = corrected_shares([5, 95], [[90, 10], [20, 80]])
    assert none.value == 0


def test_a_recogniser_that_guesses_says_nothing() -> None:
    for table in ([[50, 50], [50, 50]], [[10, 90], [90, 10]]):
        first, _ = corrected_shares([30, 70], table)
        assert math.isnan(first.value) and (first.low, first.high) == (0, 1)
    same = [[30, 30, 30]] * 3
    assert all(math.isnan(one.value) for one in corrected_shares([1, 2, 3], same))


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    for truth, se, sp in ((0.1, 0.9, 0.95), (0.5, 0.95, 0.85), (0.02, 0.97, 0.97)):
        hits = 0
        for _ in range(400):
            q = truth * se + (1 - truth) * (1 - sp)
            counted = rng.binomial(200, q)
            right, rejected = rng.binomial(100, se), rng.binomial(100, sp)
            table = [[right, 100 - right], [100 - rejected, rejected]]
            one, _ = corrected_shares([counted, 200 - counted], table)
            hits += one.low <= truth <= one.high
        assert hits >= 0.93 * 400


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=5))
def test_several_groups_are_a_distribution(true: list[int]) -> None:
    size = len(true)
    rates = np.full((size, size), 0.1 / (size - 1)) + np.eye(size) * (0.9 - 0.1 / (size - 1))
    table = np.round(1e6 * rates)
    counts = np.round(1e6 * np.array(true) / sum(true) @ rates)
    found = corrected_shares(counts, table)
    assert sum(one.value for one in found) == pytest.approx(1)
    for one, share in zip(found, true, strict=True):
        assert one.value == pytest.approx(share / sum(true), abs=1e-3)
        assert one.low <= one.value <= one.high


@pytest.mark.parametrize(
    ("counts", "confusion"),
    [
        ([1, 2], [[1, 0]]),
        ([1], [[1]]),
        ([1, -1], [[1, 0], [0, 1]]),
        ([1, 2], [[0, 0], [0, 1]]),
        ([1, 2], [[math.nan, 0], [0, 1]]),
    ],
)
def test_bad_counts_are_refused(counts: list[int], confusion: list[list[float]]) -> None:
    with pytest.raises(UsageError):
        corrected_shares(counts, confusion)
