"""What the groups bring with them, told apart from spillover."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.metrics import Difference, Expected, spillover
from trimtab.metrics.expected import expected
from trimtab.recognition import Labels
from trimtab.statistics import newcombe, standardised

GENDER, JEWELLERY = ("woman", "man"), ("with", "without")
CHANGE = Difference("with", 0.1, 0.36, 0.26, 0.2, 0.32, 0.0, 0.0)
STILL = Difference("with", 0.2, 0.22, 0.02, -0.03, 0.07, 0.5, 0.5)

Counts = Sequence[tuple[str, int, int]]
"""Group, how many of it wear jewellery, how many there are."""
strata = st.tuples(st.integers(0, 30), st.integers(1, 30)).map(lambda c: (min(c), c[1]))


def seen(counts: Counts, prompt: str = "a photo of a doctor") -> tuple[Labels, Labels]:
    """Give the labels of jewellery and of gender in the same pictures."""
    who = [group for group, _, n in counts for _ in range(n)]
    worn = ["with" if i < hits else "without" for _, hits, n in counts for i in range(n)]
    prompts = np.full(len(who), prompt)
    made = (("jewellery", JEWELLERY, worn), ("gender", GENDER, who))
    first, second = (Labels.from_names(name, groups, names) for name, groups, names in made)
    return tuple(  # type: ignore[return-value]
        Labels(one.attribute, one.groups, one.probabilities, prompts=prompts)
        for one in (first, second)
    )


def told(
    before: Counts, after: Counts, named: Counts = (), change: Difference = CHANGE
) -> Expected:
    """Return what is expected from labels of one prompt."""
    first, second, third = seen(before), seen(after), seen(named)
    pairs = [(first[i], second[i]) for i in range(2)]
    return expected(change, pairs[0], pairs[1:], (third[0], third[1:]) if named else None)


@given(st.lists(strata, min_size=1, max_size=4), st.lists(st.integers(0, 4), min_size=4))
def test_a_share_moved_by_the_mix_alone_is_the_expected_one(
    rates: list[tuple[int, int]], times: list[int]
) -> None:
    after = [(k * hits, k * n) for k, (hits, n) in zip(times, rates, strict=False)]
    assume(any(n for _, n in after))
    found = standardised(after, rates)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert -1 <= found.low <= 0 <= found.high <= 1


@given(strata, strata)
def test_one_group_alone_is_a_plain_difference(
    after: tuple[int, int], before: tuple[int, int]
) -> None:
    found, wanted = standardised([after], [before]), newcombe(*after, *before)
    assert (found.value, found.low, found.high) == pytest.approx(
        (wanted.value, wanted.low, wanted.high)
    )


@given(st.lists(st.tuples(strata, strata), min_size=1, max_size=4))
def test_the_interval_contains_the_difference(
    both: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    after, before = zip(*both, strict=True)
    found = standardised(after, before)
    assert -1 <= found.low <= found.value <= found.high <= 1
    narrow = standardised(after, before, confidence=0.5)
    assert found.low <= narrow.low <= narrow.high <= found.high


def test_the_interval_contains_the_true_difference_as_often_as_it_says() -> None:
    rng, mix = np.random.default_rng(0), np.array([90, 110])
    rates, now = np.array([0.45, 0.08]), np.array([0.55, 0.08])
    truth = float(mix @ (now - rates)) / mix.sum()
    inside = 0
    for _ in range(200):
        after = np.stack([rng.binomial(mix, now), mix], axis=1)
        before = np.stack([rng.binomial([50, 190], rates), [50, 190]], axis=1)
        found = standardised(after, before)
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / 200 <= 0.98


def test_what_has_no_rate_has_no_difference() -> None:
    for after, before in (([], []), ([(0, 0)], [(1, 2)]), ([(1, 3), (2, 9)], [(0, 0), (3, 9)])):
        found = standardised(after, before)
        assert math.isnan(found.value) and (found.low, found.high) == (-1, 1)
    assert not math.isnan(standardised([(0, 0), (2, 9)], [(0, 0), (3, 9)]).value)


@given(strata, strata, st.integers(1, 4), st.integers(1, 4))
def test_the_groups_bring_what_nothing_else_changed(
    women: tuple[int, int], men: tuple[int, int], more: int, less: int
) -> None:
    before = [("woman", *women), ("man", *men)]
    after = [("woman", *(more * x for x in women)), ("man", *(less * x for x in men))]
    found = told(before, after)
    n = sum(count for *_, count in after)
    assert found.share == pytest.approx(sum(hits for _, hits, _ in after) / n)
    assert found.difference == pytest.approx(0, abs=1e-12)
    assert found.reading != "spillover"
    assert not found.named


def test_jewellery_that_women_bring_is_not_spillover() -> None:
    before = [("woman", 45, 100), ("man", 8, 100)]
    found = told(before, [("woman", 70, 150), ("man", 4, 50)])
    assert found.share == pytest.approx(0.75 * 0.45 + 0.25 * 0.08)
    assert found.reading == "brought by the groups"
    found = told(before, [("woman", 120, 150), ("man", 4, 50)])
    assert found.reading == "spillover" and found.low > 0
    found = told(before, [("woman", 45, 100), ("man", 9, 100)], change=STILL)
    assert found.reading == "no change shown"
    found = told(before, [("woman", 8, 100), ("man", 8, 100)], change=STILL)
    assert found.reading == "spillover" and found.high < 0  # it hides what the groups bring


def test_with_few_or_none_of_a_group_nothing_is_claimed() -> None:
    after = [("woman", 40, 90), ("man", 8, 110)]
    few = told([("woman", 1, 4), ("man", 16, 196)], after)
    assert (few.reading, few.rarest, few.n) == ("cannot tell", "woman", 4)
    assert few.low <= 0 <= CHANGE.difference / 2 <= few.high
    none = told([("man", 16, 196)], after)
    assert (none.reading, none.rarest, none.n) == ("cannot tell", "woman", 0)
    assert math.isnan(none.share) and math.isnan(none.difference)


def test_a_rare_group_has_the_rate_of_the_prompts_that_name_it() -> None:
    before, after = [("woman", 1, 4), ("man", 16, 196)], [("woman", 40, 90), ("man", 8, 110)]
    found = told(before, after, [("woman", 45, 100), ("man", 9, 10)])
    assert found.named and found.reading == "brought by the groups"
    assert found.share == pytest.approx(0.45 * 0.45 + 0.55 * 16 / 196)  # plain men are many
    fewer = told(before, after, [("woman", 2, 3)])
    assert not fewer.named and fewer.n == 4


def test_prompts_with_rates_of_their_own_are_not_mixed() -> None:
    """Doctors and nurses differ in gender and in jewellery, which gender does not affect."""
    sets = []
    for women in (10, 50):
        doctor = seen([("woman", women // 10, women), ("man", (100 - women) // 10, 100 - women)])
        nurse = seen([("woman", 45, 90), ("man", 5, 10)], "a photo of a nurse")
        sets.append([
            Labels(a.attribute, a.groups, np.concatenate([a.probabilities, b.probabilities]),
                   prompts=np.concatenate([a.prompts, b.prompts]))
            for a, b in zip(doctor, nurse, strict=True)
        ])  # fmt: skip
    pairs = list(zip(*sets, strict=True))
    found = expected(STILL, pairs[0], pairs[1:])
    assert found.difference == pytest.approx(0, abs=1e-12)
    assert found.share == pytest.approx(0.3)


def test_rows_of_spillover_have_it_where_the_groups_are_known() -> None:
    before = [("woman", 60, 80), ("man", 40, 320)]
    pairs = list(zip(seen(before), seen([("woman", 210, 280), ("man", 15, 120)]), strict=True))
    (row,) = spillover({"jewellery": pairs[0]}, steered=pairs[1:])
    assert row.expected is not None and row.expected.reading == "brought by the groups"
    assert row.expected.share + row.expected.difference == pytest.approx(row.after)
    assert spillover({"jewellery": pairs[0]})[0].expected is None
    other = tuple(one.select(np.arange(399)) for one in pairs[1])
    with pytest.raises(UsageError, match="labels of other pictures"):
        spillover({"jewellery": pairs[0]}, steered=[other])  # type: ignore[list-item]
