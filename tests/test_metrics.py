"""Every formula against published values, scipy, brute force, or the algebra it obeys."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import UsageError
from trimtab.metrics import (
    deviation_ratio,
    fairness_discrepancy,
    kl_divergence,
    noise_floor,
    normalised_entropy,
)
from trimtab.metrics.distances import METRICS
from trimtab.metrics.estimates import estimate, estimate_own
from trimtab.statistics import (
    bootstrap,
    holm,
    mcnemar,
    newcombe,
    simultaneous_wilson,
    stuart_maxwell,
    tango,
    wilson,
)

EVEN = (0.5, 0.5)


@st.composite
def counts_and_target(draw, classes=None):
    c = classes or draw(st.integers(2, 7))
    counts = draw(st.lists(st.integers(0, 60), min_size=c, max_size=c).filter(any))
    weights = draw(st.lists(st.integers(1, 20), min_size=c, max_size=c))
    return np.array(counts), tuple(w / sum(weights) for w in weights)


@st.composite
def pairs(draw):
    gained, lost, same = (draw(st.integers(0, 80)) for _ in range(3))
    return gained, lost, max(1, gained + lost + same)


# -- shares --------------------------------------------------------------------------------------


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(n, data, confidence):
    k = data.draw(st.integers(0, n))
    mine = wilson(k, n, confidence=confidence)
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert mine.low <= mine.value <= mine.high


def test_wilson_as_published():
    """Newcombe 1998 (two-sided intervals for the single proportion), table I, method 3."""
    for k, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        share = wilson(k, n)
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)


@given(st.integers(1, 300), st.floats(0, 1))
def test_wilson_of_a_soft_count_lies_between_those_of_whole_ones(n, part):
    count = part * n
    below, soft, above = (wilson(k, n) for k in (math.floor(count), count, math.ceil(count)))
    assert below.low <= soft.low + 1e-12 and soft.low <= above.low + 1e-12
    assert below.high <= soft.high + 1e-12 and soft.high <= above.high + 1e-12
    assert soft.low <= soft.value <= soft.high


def test_wilson_of_nothing_is_everything():
    share = wilson(0, 0)
    assert math.isnan(share.value) and (share.low, share.high) == (0, 1)


@pytest.mark.parametrize("bad", [(-1, 5), (6, 5), (math.nan, 5)])
def test_wilson_refuses_counts_that_cannot_be(bad):
    with pytest.raises(UsageError, match="count <= n"):
        wilson(*bad)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, math.nan])
def test_confidence_is_between_0_and_1(confidence):
    with pytest.raises(UsageError, match="confidence"):
        wilson(1, 2, confidence=confidence)


def test_simultaneous_limits_hold_together():
    """Coverage of all seven shares at once, by simulation: at least the confidence, nearly."""
    truth = np.array([0.4, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05])
    draws = np.random.default_rng(1).multinomial(100, truth, size=600)
    held = 0
    for counts in draws:
        low, high = simultaneous_wilson(counts)
        held += bool(((low <= truth) & (truth <= high)).all())
    assert held / len(draws) > 0.93
    two = simultaneous_wilson([10, 90])
    assert two[0][0] == wilson(10, 100).low and two[1][1] == wilson(90, 100).high


# -- differences ---------------------------------------------------------------------------------


def test_newcombe_as_published():
    """Newcombe 1998 (difference between independent proportions), table II, method 10."""
    for counts, low, high in [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((5, 56, 0, 29), -0.0381, 0.1926),
    ]:
        found = newcombe(*counts)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_tango_as_published():
    """Airway hyper-responsiveness before and after (Fagerland, Lydersen and Laake 2014)."""
    found = tango(1, 7, 21)
    assert (found.value, found.low, found.high) == pytest.approx((-0.286, -0.517, -0.026), abs=5e-4)


@given(pairs())
def test_tango_limits_are_where_the_score_statistic_is_z(case):
    """The likeliest q for the limit is found by search, not by the closed form."""
    gained, lost, n = case
    found = tango(gained, lost, n)
    assert -1 <= found.low <= found.value <= found.high <= 1
    z = stats.norm.ppf(0.975)
    for delta in (found.low, found.high):
        if abs(delta) > 1 - 1e-6:
            continue
        q = np.linspace(max(0, -delta), (1 - delta) / 2, 200_001)[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = (
                np.where(gained > 0, gained * np.log(q + delta), 0)
                + np.where(lost > 0, lost * np.log(q), 0)
                + (n - gained - lost) * np.log(1 - 2 * q - delta)
            )
        best = q[np.nanargmax(likelihood)]
        score = (gained - lost - n * delta) ** 2 / (n * (2 * best + delta * (1 - delta)))
        assert math.sqrt(score) == pytest.approx(z, rel=2e-2)


@given(st.integers(0, 200), st.integers(0, 200))
def test_tango_within_one_sample_of_two_groups_is_wilson(a, b):
    n = a + b
    if n:
        found, share = tango(a, b, n), wilson(a, n)
        expected = (2 * share.low - 1, 2 * share.high - 1)
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


@given(pairs())
def test_tango_turned_round(case):
    gained, lost, n = case
    there, back = tango(gained, lost, n), tango(lost, gained, n)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)


def test_differences_of_nothing():
    assert (tango(0, 0, 0).low, tango(0, 0, 0).high) == (-1, 1)
    assert math.isnan(newcombe(0, 0, 1, 2).value)
    with pytest.raises(UsageError, match="of 3"):
        tango(2, 2, 3)


# -- formulas ------------------------------------------------------------------------------------


@given(counts_and_target())
def test_ranges_of_the_figures(case):
    counts, t = case
    p = counts / counts.sum()
    assert 0 <= deviation_ratio(p, t) <= 1 + 1e-12
    assert 0 <= fairness_discrepancy(p, t) <= math.sqrt(2)
    assert 0 <= kl_divergence(p, t) <= -math.log(min(t)) + 1e-12
    assert -1e-12 <= normalised_entropy(p) <= 1
    assert deviation_ratio(t, t) == fairness_discrepancy(t, t) == 0
    assert kl_divergence(t, t) == pytest.approx(0, abs=1e-12)


@given(counts_and_target())
def test_figures_do_not_depend_on_the_order_of_groups(case):
    counts, t = case
    p, turned = counts / counts.sum(), np.roll(t, 1)
    for metric in (deviation_ratio, fairness_discrepancy, kl_divergence):
        assert metric(np.roll(p, 1), turned) == pytest.approx(metric(p, t))


@given(counts_and_target())
def test_kl_and_entropy_are_scipys(case):
    counts, t = case
    p = counts / counts.sum()
    assert kl_divergence(p, t) == pytest.approx(stats.entropy(p, t), abs=1e-9)
    expected = stats.entropy(p) / math.log(len(p))
    assert normalised_entropy(p) == pytest.approx(expected, abs=1e-9)


def test_figures_by_hand():
    p = [0.1, 0.9]
    assert deviation_ratio(p) == pytest.approx(0.8)
    assert deviation_ratio(p, [0.3, 0.7]) == pytest.approx(0.2 / 0.7)
    assert deviation_ratio([0, 0, 1]) == deviation_ratio([1, 0], [0.1, 0.9]) == 1
    assert deviation_ratio([0.6, 0.3, 0.1]) == pytest.approx((0.6 - 1 / 3) / (2 / 3))
    assert fairness_discrepancy(p) == pytest.approx(0.4 * math.sqrt(2))
    np.testing.assert_allclose(deviation_ratio([[1, 0], [0.5, 0.5]]), [1, 0])


@pytest.mark.parametrize("bad", [0.5, [1.0], []])
def test_figures_need_groups(bad):
    with pytest.raises(UsageError, match="at least two groups"):
        deviation_ratio(bad)


# -- noise floors --------------------------------------------------------------------------------


def test_noise_floors_for_two_groups_as_known():
    known = {25: 0.161, 50: 0.112, 100: 0.080, 200: 0.056, 250: 0.050}
    found = {n: round(noise_floor("deviation_ratio", n, EVEN), 3) for n in known}
    assert found == known
    assert round(noise_floor("fairness_discrepancy", 100, EVEN), 3) == 0.056


@pytest.mark.parametrize("target", [(0.5, 0.5), (0.2, 0.8), (0.5, 0.3, 0.2)])
@pytest.mark.parametrize(
    ("metric", "formula"),
    [("deviation_ratio", deviation_ratio), ("kl", kl_divergence)],
)
def test_noise_floor_is_the_expectation(metric, formula, target):
    n = 6
    expected = 0.0
    for faces in itertools.product(range(len(target)), repeat=n):  # every sequence of pictures
        p = np.bincount(faces, minlength=len(target)) / n
        expected += math.prod(target[face] for face in faces) * formula(p, target)
    assert noise_floor(metric, n, target) == pytest.approx(expected, abs=1e-12)


def test_noise_floor_drawn_agrees_with_the_sum():
    """With C = 3 all outcomes are summed up to n = 198, and drawn beyond."""
    t = (0.5, 0.3, 0.2)
    summed, drawn = (noise_floor("deviation_ratio", n, t) for n in (198, 199))
    assert drawn == pytest.approx(summed, rel=0.03)
    assert drawn == noise_floor.__wrapped__("deviation_ratio", 199, t)  # and repeatable
    assert math.isnan(noise_floor("kl", 0, EVEN))
    with pytest.raises(UsageError, match="metric='gini'"):
        noise_floor("gini", 10, EVEN)


# -- estimates -----------------------------------------------------------------------------------


@given(counts_and_target())
def test_intervals_contain_their_value(case):
    counts, t = case
    for metric in METRICS:
        found = estimate(metric, counts, t)
        assert found.low <= found.value <= found.high and found.n == counts.sum()
        assert found.noise_floor >= 0
    ratio = estimate("deviation_ratio", counts, t)
    assert ratio.low >= 0 and ratio.high <= 1 + 1e-12


@given(counts_and_target(classes=2))
def test_intervals_of_two_groups_are_wilsons_mapped(case):
    counts, t = case
    share = wilson(counts[0], counts.sum())
    grid = np.linspace(share.low, share.high, 20_001)
    p = np.column_stack([grid, 1 - grid])
    for metric, values in [
        ("deviation_ratio", deviation_ratio(p, t)),
        ("fairness_discrepancy", fairness_discrepancy(p, t)),
        ("kl", kl_divergence(p, t)),
        ("entropy", normalised_entropy(p)),
    ]:
        found = estimate(metric, counts, t)
        assert found.low == pytest.approx(values.min(), abs=1e-3)
        assert found.high == pytest.approx(values.max(), abs=1e-3)


def test_interval_of_the_deviation_ratio_reaches_0_only_if_the_target_is_possible():
    assert estimate("deviation_ratio", [45, 55], EVEN).low == 0
    low = estimate("deviation_ratio", [10, 90], EVEN).low
    assert low == pytest.approx(1 - 2 * wilson(10, 100).high)


@given(counts_and_target(classes=3))
def test_limits_of_more_groups_bound_the_whole_region(case):
    counts, t = case
    low, high = simultaneous_wilson(counts)
    p = np.random.default_rng(0).uniform(low, high, size=(4000, 3))
    p[:, 2] = 1 - p[:, 0] - p[:, 1]
    p = p[(p[:, 2] >= low[2]) & (p[:, 2] <= high[2])]
    for metric, formula in METRICS.items():
        found, values = estimate(metric, counts, t), formula(p, t)
        assert found.low - 1e-9 <= values.min(initial=1e9)
        assert values.max(initial=-1e9) <= found.high + 1e-9


def test_coverage_where_a_bootstrap_fails():
    """A sampler exactly on target: the interval of DR must reach down to 0."""
    draws = np.random.default_rng(2).binomial(100, 0.5, size=400)
    held = [estimate("deviation_ratio", [k, 100 - k], EVEN).low == 0 for k in draws]
    assert np.mean(held) > 0.92


def test_estimates_of_nothing_are_nan_and_wide():
    for metric in METRICS:
        found = estimate(metric, [0, 0], EVEN)
        assert math.isnan(found.value) and found.low == 0 and found.high > 0.6


def test_a_metric_of_ones_own_has_an_interval_and_a_floor_like_ours():
    """Our own formulas, passed as a user's, give the same figures; with 3 groups nearly so."""
    for counts, t, close in [([10, 40], (0.5, 0.5), 1e-9), ([5, 20, 30], (0.2, 0.3, 0.5), 0.02)]:
        for formula, ours in [
            (deviation_ratio, "deviation_ratio"),
            (kl_divergence, "kl"),
        ]:
            mine = estimate_own(lambda p, t, f=formula: float(f(p, t)), counts, t)
            known = estimate(ours, counts, t)
            assert mine.value == pytest.approx(known.value)
            assert mine.noise_floor == pytest.approx(known.noise_floor)
            assert mine.high == pytest.approx(known.high, abs=max(close, 0.1 * (close > 1e-3)))
            assert mine.low == pytest.approx(known.low, abs=0.02)
            assert known.low - 1e-9 <= mine.low <= mine.value <= mine.high <= known.high + 1e-9


def test_a_metric_of_ones_own_must_return_a_number():
    with pytest.raises(UsageError, match="list from the metric 'both'"):

        def both(p, t):
            return [1, 2]

        estimate_own(both, [1, 2], EVEN)
    undefined = estimate_own(lambda p, t: float(np.log(p[0])) if p[0] else math.nan, [0, 5], EVEN)
    assert math.isnan(undefined.value) and undefined.low < undefined.high <= 0


def test_noise_floors_of_large_intersections_are_quick_and_repeatable():
    t = (1 / 84,) * 84
    floor = noise_floor("deviation_ratio", 200, t)
    assert 0.01 < floor < 0.05 and floor == noise_floor.__wrapped__("deviation_ratio", 200, t)


def test_soft_labels_are_no_narrower_than_their_spread():
    soft = np.random.default_rng(3).beta(2, 2, size=200)
    found = estimate("fairness_discrepancy", [soft.sum(), (1 - soft).sum()], (0.1, 0.9))
    spread = 1.96 * soft.std(ddof=1) / math.sqrt(200) * math.sqrt(2)
    assert found.high - found.value > spread and found.value - found.low > spread


# -- tests and corrections -----------------------------------------------------------------------


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(gained, lost):
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(UsageError, match="-1 gained"):
        mcnemar(-1, 3)


def test_stuart_maxwell_as_published():
    """Stuart 1955: unaided vision of 7,477 women, right eye against left; 11.96 on 3 df."""
    eyes = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
    assert stuart_maxwell(eyes) == pytest.approx(stats.chi2.sf(11.957, 3), rel=2e-3)


def test_stuart_maxwell_of_two_classes_is_mcnemars_chi_squared():
    table = [[30, 12], [5, 40]]
    assert stuart_maxwell(table) == pytest.approx(stats.chi2.sf((12 - 5) ** 2 / 17, 1))


@given(st.permutations(range(4)))
def test_stuart_maxwell_does_not_depend_on_the_order(order):
    table = np.array([[5, 9, 1, 0], [2, 7, 3, 0], [4, 4, 8, 0], [0, 0, 0, 6]])
    turned = table[np.ix_(order, order)]
    assert stuart_maxwell(turned) == pytest.approx(stuart_maxwell(table[:3, :3]))


def test_stuart_maxwell_at_its_ends():
    assert stuart_maxwell(np.diag([3, 4, 5])) == 1
    apart = np.zeros((4, 4), dtype=int)
    apart[0, 1], apart[1, 0], apart[2, 3], apart[3, 2] = 9, 3, 7, 4  # two circles, 2 df
    statistic = (9 - 3) ** 2 / 12 + (7 - 4) ** 2 / 11
    assert stuart_maxwell(apart) == pytest.approx(stats.chi2.sf(statistic, 2))
    with pytest.raises(UsageError, match="square"):
        stuart_maxwell([[1, 2, 3], [4, 5, 6]])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.7, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p):
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= 1
    assert min(holm(p)) == pytest.approx(min(1, len(p) * min(p)))


def test_bootstrap_of_a_mean():
    values = np.random.default_rng(4).normal(3, 2, size=400)
    found = bootstrap(values)
    half = 1.96 * values.std(ddof=1) / 20
    expected = (values.mean(), values.mean() - half, values.mean() + half)
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=0.04)
    assert found == bootstrap(values) and found != bootstrap(values, seed=1)
    assert bootstrap(values, lambda v: float(np.median(v))).value == np.median(values)


def test_bootstrap_of_equal_pictures():
    found = bootstrap([30.0, math.inf, 28.0, math.inf])
    assert found.value == math.inf and not math.isnan(found.low)
    with pytest.raises(UsageError, match="no values"):
        bootstrap([])
