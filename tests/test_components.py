"""Variance components: what follows the prompt, what the seed, and what the initial noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trimtab.errors import UsageError
from trimtab.statistics import noise_share, variance_components
from trimtab.statistics.components import _resampled

FEW = {"resamples": 40}


def numbers(*shape: int) -> Any:
    """Give arrays of numbers that rounding does not swallow, and that differ."""
    of = st.integers(-1000, 1000).map(lambda n: n / 8)
    return arrays(float, shape, elements=of).filter(lambda array: np.ptp(array) > 0)


def mean_squares(y: np.ndarray) -> tuple[float, float, float]:
    """Return the textbook estimates of prompt, seed and residual, one number at a time."""
    p, s = y.shape
    rows, columns, mean = y.mean(axis=1), y.mean(axis=0), y.mean()
    rest = sum((y[i, j] - rows[i] - columns[j] + mean) ** 2 for i in range(p) for j in range(s)) / (
        (p - 1) * (s - 1)
    )
    of_rows = s * sum((row - mean) ** 2 for row in rows) / (p - 1)
    of_columns = p * sum((column - mean) ** 2 for column in columns) / (s - 1)
    return (of_rows - rest) / s, (of_columns - rest) / p, rest


@given(numbers(5))
@settings(max_examples=25)
def test_what_only_the_seed_decides_follows_the_seed(seeds: np.ndarray) -> None:
    found = variance_components(np.tile(seeds, (3, 1)), **FEW)
    assert (found.seed.value, found.within.value) == pytest.approx((1, 1))
    assert found.prompt.value == pytest.approx(0, abs=1e-9)
    assert found.total == pytest.approx(np.var(seeds, ddof=1))


@given(numbers(4))
@settings(max_examples=25)
def test_what_only_the_prompt_decides_follows_no_seed(prompts: np.ndarray) -> None:
    found = variance_components(np.tile(prompts[:, None], (1, 6)), **FEW)
    assert found.prompt.value == pytest.approx(1)
    for one in (found.seed, found.residual, found.within):
        assert one.value == pytest.approx(0, abs=1e-9)
        assert one.high == pytest.approx(0, abs=1e-9)
    assert found.negative == ()  # rounding is no negative estimate


@given(numbers(3, 4, 2), st.integers(-50, 50), st.sampled_from([0.125, 2, 100]))
@settings(max_examples=25)
def test_shares_depend_on_neither_origin_nor_unit_nor_order(
    values: np.ndarray, shift: int, unit: float
) -> None:
    found = variance_components(values, **FEW)
    moved = variance_components(unit * (values + shift), **FEW)
    turned = variance_components(values[::-1, ::-1], **FEW)
    for name in ("prompt", "seed", "residual", "within"):
        one = getattr(found, name)
        assert getattr(moved, name).value == pytest.approx(one.value, abs=1e-9)
        assert getattr(turned, name).value == pytest.approx(one.value, abs=1e-9)
        assert -1e-9 <= one.low <= one.high <= 1 + 1e-9
    shares = [one.value for one in (found.prompt, found.seed, found.residual)]
    assert sum(shares) == pytest.approx(1)


@given(numbers(3, 5))
@settings(max_examples=25)
def test_the_estimates_are_those_of_the_textbook(values: np.ndarray) -> None:
    wanted = mean_squares(values)
    found = variance_components(values, **FEW)
    assert found.total == pytest.approx(sum(max(0, one) for one in wanted))
    shares = (found.prompt.value, found.seed.value, found.residual.value)
    assert shares == pytest.approx([max(0, one) / found.total for one in wanted], abs=1e-9)
    small = 1e-9 * found.total
    for name, one in zip(("prompt", "seed"), wanted, strict=False):
        if abs(one) > small:
            assert (name in found.negative) == (one < 0)


def test_vectors_add_up_over_their_dimensions() -> None:
    values = np.random.default_rng(0).normal(size=(4, 6, 3))
    each = np.array([mean_squares(values[..., k]) for k in range(3)]).sum(axis=0)
    found = variance_components(values, **FEW)
    assert found.residual.value == pytest.approx(each[2] / each.clip(0).sum())


def test_resampling_adds_no_variance_that_is_not_there() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, 30, 4))  # of the residual only
    values -= values.mean(axis=(0, 1))
    drawn = np.nanmean(_resampled(values, 400, 0), axis=0)
    assert drawn == pytest.approx(np.mean([mean_squares(values[..., k]) for k in range(4)], 0) * 4,
                                  abs=0.25)  # fmt: skip


@pytest.mark.parametrize("wanted", [(0.3, 1.0, 0.5), (0.2, 0.1, 1.0)])
def test_intervals_hold_what_is_true(wanted: tuple[float, float, float]) -> None:
    rng, hits, runs = np.random.default_rng(2), np.zeros(3), 40
    true = np.array(wanted) / sum(wanted)
    for _ in range(runs):
        of_prompt, of_seed, rest = (
            size**0.5 * rng.normal(size=shape)
            for size, shape in zip(wanted, ((8, 1, 8), (1, 30, 8), (8, 30, 8)), strict=True)
        )
        found = variance_components(of_prompt + of_seed + rest, resamples=200)
        each = (found.prompt, found.seed, found.residual)
        hits += [one.low <= share <= one.high for one, share in zip(each, true, strict=True)]
    assert (hits / runs >= 0.8).all()


def test_pictures_that_are_all_alike_have_no_shares() -> None:
    found = variance_components(np.ones((3, 4, 2)), **FEW)
    assert found.total == 0
    assert np.isnan([found.seed.value, found.seed.low, found.within.high]).all()


@pytest.mark.parametrize(
    "values", [np.ones((1, 4)), np.ones((4, 1)), np.ones(4), [[1, np.nan]] * 2]
)
def test_what_has_no_components_is_refused(values: Any) -> None:
    with pytest.raises(UsageError, match="at least two prompts"):
        variance_components(values)


def test_the_share_of_the_initial_noise() -> None:
    rng = np.random.default_rng(3)
    noise, later = rng.normal(size=(2, 400, 6))
    before = np.roll(later, 1, axis=0)
    for share in (0, 0.25, 1):
        mixed = [share**0.5 * noise + (1 - share) ** 0.5 * one for one in (later, before)]
        found = noise_share(*mixed)
        assert found.value == pytest.approx(share, abs=0.08)
        assert found.low <= found.value <= found.high
    assert np.isnan(noise_share(np.ones((3, 2)), np.ones((3, 2))).value)
    with pytest.raises(UsageError, match="two equal shapes"):
        noise_share(noise, later[1:])
