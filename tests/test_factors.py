"""Parts of a variance over a grid, and pictures that show two groups at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trimtab.errors import UsageError
from trimtab.statistics import excess_of_both, explained

SEEDS = 40


def grid(shares: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return outcomes of the same seeds in every cell with these shares."""
    u = np.random.default_rng(seed).random(SEEDS)
    return (u < shares[..., None]).astype(float)


def test_a_share_that_only_rows_move_is_explained_by_rows() -> None:
    rising = np.linspace(0.1, 0.9, 5)[:, None] + np.zeros(6)
    rows, columns, both = explained(grid(rising))
    assert rows.value == pytest.approx(1)
    assert (columns.value, both.value) == pytest.approx((0, 0))
    assert rows.low <= rows.value <= rows.high
    turned = explained(grid(rising.T))
    assert turned[1].value == pytest.approx(1)


def test_the_parts_are_those_of_the_shares() -> None:
    """Of a logit-free sum of effects, the parts are the ratio of their sums of squares."""
    a, b = np.array([-0.2, 0.0, 0.2]), np.array([-0.1, 0.1])
    shares = 0.5 + a[:, None] + b
    u = (np.arange(4000) + 0.5) / 4000
    rows, columns, both = explained((u < shares[..., None]).astype(float), resamples=200)
    expected = 2 * (a**2).sum() / (2 * (a**2).sum() + 3 * (b**2).sum())
    assert rows.value == pytest.approx(expected, abs=0.01)
    assert both.value == pytest.approx(0, abs=0.01)
    assert rows.value + columns.value + both.value == pytest.approx(1)


def test_what_sampling_explains_is_not_divided() -> None:
    """Cells that differ by chance alone: hardly ever are parts told."""
    told = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows, *_ = explained((rng.random((5, 6, 24)) < 0.1).astype(float), resamples=200)
        told += np.isfinite(rows.value)
    assert told <= 2


def test_unknown_pictures_are_left_out() -> None:
    values = grid(np.linspace(0.1, 0.9, 5)[:, None] + np.zeros(6))
    values[:, :, ::7] = np.nan
    assert explained(values)[0].value == pytest.approx(1)
    nothing = explained(np.full((2, 2, 3), np.nan))
    assert all(np.isnan(one.value) for one in nothing)


def test_equal_cells_have_no_parts() -> None:
    assert all(np.isnan(one.value) for one in explained(np.ones((2, 3, 5))))


@pytest.mark.parametrize("shape", [(1, 3, 5), (3, 1, 5), (3, 3, 0), (3, 3)])
def test_a_grid_needs_two_of_each(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="at least two rows"):
        explained(np.ones(shape))


@settings(max_examples=30, deadline=None)
@given(arrays(int, (2, 2), elements=st.integers(0, 50)))
def test_the_excess_is_seen_minus_predicted(table: np.ndarray) -> None:
    predicted, excess = excess_of_both(table, resamples=50)
    n = int(table.sum())
    assert excess.n == n
    if not n:
        assert np.isnan(predicted)
        return
    assert excess.value == pytest.approx(table[0, 0] / n - predicted)
    assert excess.low <= excess.value <= excess.high
    mirrored, other = excess_of_both(table.T, resamples=50)
    assert (mirrored, other.value) == pytest.approx((predicted, excess.value))


def test_independent_groups_have_no_excess() -> None:
    for p, q in ((0.5, 0.5), (0.2, 0.9)):
        table = 1000 * np.outer([p, 1 - p], [q, 1 - q])
        predicted, excess = excess_of_both(np.rint(table))
        assert predicted == pytest.approx(p * q, abs=1e-3)
        assert excess.low < 0 < excess.high


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match="2 x 2"):
        excess_of_both([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(UsageError):
        excess_of_both([[1, -2], [3, 4]])
