"""Cohen's kappa and the agreement of two recognisers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from trimtab.errors import UsageError
from trimtab.metrics import Agreement
from trimtab.recognition import Labels
from trimtab.statistics import cohen_kappa
from trimtab.statistics.kappa import ADDED

FLEISS = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]  # diagnoses of 100 patients by two raters
GROUPS = ("woman", "man")
TABLES = st.integers(2, 4).flatmap(
    lambda c: st.lists(st.lists(st.integers(0, 40), min_size=c, max_size=c), min_size=c, max_size=c)
)


def same(one: float, other: float) -> bool:
    return math.isclose(one, other, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other))


def test_the_textbook_example() -> None:
    """Fleiss, Statistical Methods for Rates and Proportions: kappa 0.68, standard error 0.087."""
    found = cohen_kappa(FLEISS)
    assert found.n == 100 and round(found.value, 2) == 0.68
    many = cohen_kappa(np.array(FLEISS) * 10_000)  # where the added units do not count
    error = (many.high - many.low) / 2 / 1.959964 * 100
    assert error == pytest.approx(0.0877, abs=1e-4)


def test_the_interval_is_that_of_the_delta_method() -> None:
    """The variance is that of kappa's derivatives, for multinomial counts."""
    counts = np.array(FLEISS) + ADDED / 9
    n, p = counts.sum(), counts / counts.sum()

    def kappa(q: Any) -> float:
        chance = (q.sum(axis=1) * q.sum(axis=0)).sum() / q.sum() ** 2
        return float((np.trace(q) / q.sum() - chance) / (1 - chance))

    slope = np.zeros(9)
    for i in range(9):
        step = np.zeros(9)
        step[i] = 1e-6
        slope[i] = (kappa(p + step.reshape(3, 3)) - kappa(p - step.reshape(3, 3))) / 2e-6
    variance = (p.ravel() @ slope**2 - (p.ravel() @ slope) ** 2) / n
    found = cohen_kappa(FLEISS)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-4)


@given(TABLES)
def test_kappa_is_scikit_learns(table: list[list[int]]) -> None:
    found = cohen_kappa(table)
    counts = np.array(table)
    first, second = np.nonzero(counts >= 0)
    rows, columns = np.repeat(first, counts.ravel()), np.repeat(second, counts.ravel())
    assert -1 <= found.low <= found.high <= 1 and found.n == counts.sum()
    if math.isnan(found.value):
        assert len({*zip(rows, columns, strict=True)}) <= 1
        assert (found.low, found.high) == (-1, 1)
        return
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(cohen_kappa_score(rows, columns), abs=1e-9)


@given(TABLES)
def test_kappa_has_no_first_rater(table: list[list[int]]) -> None:
    one, other = cohen_kappa(table), cohen_kappa(np.transpose(table))
    assert all(same(getattr(one, key), getattr(other, key)) for key in ("value", "low", "high"))


@given(st.lists(st.integers(1, 100), min_size=2, max_size=4))
def test_identical_raters_agree_and_the_interval_has_a_width(counts: list[int]) -> None:
    found = cohen_kappa(np.diag(counts))
    assert found.value == pytest.approx(1) and found.low < 1 and found.high == pytest.approx(1)


def test_the_interval_covers_kappa_where_a_group_is_rare() -> None:
    rng = np.random.default_rng(0)
    for shares in ([[0.85, 0.05], [0.05, 0.05]], [[0.88, 0.01], [0.01, 0.10]]):
        p = np.array(shares)
        chance = p.sum(axis=1) @ p.sum(axis=0)
        true = (np.trace(p) - chance) / (1 - chance)
        found = [cohen_kappa(t.reshape(2, 2)) for t in rng.multinomial(30, p.ravel(), size=300)]
        assert np.mean([one.low <= true <= one.high for one in found]) > 0.9


@pytest.mark.parametrize(
    "table", [[[1, 2]], [[3]], [1, 2], [[1, -1], [0, 2]], [[1, 0.5], [0, 2]], [[1, math.nan]] * 2]
)
def test_what_is_no_table_is_refused(table: Any) -> None:
    with pytest.raises(UsageError, match="a table of shape"):
        cohen_kappa(table)


def labels(names: list[str], by: str, no_face: list[bool] | None = None, **more: Any) -> Labels:
    p = np.array([[n == "woman", n == "man"] if n in GROUPS else [0.5, 0.5] for n in names], float)
    return Labels("gender", GROUPS, p, recogniser=by, no_face=no_face, **more)  # type: ignore[arg-type]


def test_agreement_counts_what_both_know() -> None:
    first = labels(["woman"] * 20 + ["man"] * 20 + ["unknown"] * 2, "a")
    seen = ["woman"] * 18 + ["man"] * 21 + ["unknown"] * 3
    found = Agreement.between(first, labels(seen, "b", [False] * 40 + [True] * 2))
    assert found.counts == ((18, 2), (0, 19)) and found.n == 42 and found.no_face == 2
    assert (found.n_known, found.same.count) == (39, 37)
    assert found.kappa is not None and found.kappa.value == pytest.approx(0.897, abs=1e-3)
    told = str(found)
    for said in (
        "b found no face in 2 of 42 pictures.",
        "39 of 42 pictures are known to a and b.",
        "They agree on 37 of these: 0.95 (95 % interval 0.83 to 0.99).",
        "Cohen's kappa is 0.90 (",
        "b: woman",
    ):
        assert said in told
    assert "Cohen&#39;s kappa is 0.90" in found._repr_html_()


def test_few_pictures_have_no_kappa() -> None:
    names = ["woman"] * 15 + ["man"] * 14
    found = Agreement.between(labels(names, "a"), labels(names, "b"))
    assert found.kappa is None and found.same.value == 1
    assert found.sentences()[-1] == "Cohen's kappa is stated from 30 pictures known to both."
    more = Agreement.between(labels([*names, "man"], "a"), labels([*names, "man"], "b"))
    assert more.kappa is not None and more.kappa.value == 1


def test_one_group_only_has_no_kappa() -> None:
    alike = labels(["man"] * 30, "a")
    found = Agreement.between(alike, labels(["man"] * 30, "b"))
    assert found.sentences()[-1] == "Cohen's kappa is not defined, since both saw one group only."


def test_no_face_at_all_is_one_sentence() -> None:
    second = labels(["unknown"] * 3, "b", [True] * 3)
    found = Agreement.between(labels(["man"] * 3, "a"), second)
    said = "b found no face in any of 3 pictures, so there is nothing to compare."
    assert found.sentences() == [said]
    assert str(found).endswith(said)


def test_other_pictures_are_refused() -> None:
    first = labels(["man"] * 3, "a")
    for other in (labels(["man"] * 2, "b"), labels(["man"] * 3, "b", seeds=[5, 6, 7])):
        with pytest.raises(UsageError, match="pictures"):
            Agreement.between(first, other)
