"""What differs between two sets of pictures, with and without words, and where ranks disagree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.metrics import Evidence, clusters, discover, misalignments
from trimtab.metrics.discovery import CARRIERS, LEAST_POINTS
from trimtab.statistics import newcombe, wilson


def evidence(concept: np.ndarray, reference: np.ndarray, by: str = "detector") -> Evidence:
    names = tuple(f"thing {i}" for i in range(concept.shape[1]))
    return Evidence(names, ("things",) * len(names), by, concept, reference)  # type: ignore[arg-type]


def shown(*counts: int, n: int = 100) -> np.ndarray:
    """Return a column for each count, 1 in its first rows."""
    return np.stack([(np.arange(n) < count).astype(float) for count in counts], axis=1)


def test_what_differs_is_named_with_its_shares() -> None:
    found = discover([evidence(shown(90, 20, 50), shown(10, 70, 52))])
    assert [one.phrase for one in found] == ["thing 0", "thing 1"]
    more, less = found
    assert more.over and not less.over
    assert (more.concept, more.reference) == (wilson(90, 100), wilson(10, 100))
    assert more.effect == newcombe(90, 100, 10, 100)
    assert more.carriers == tuple(range(CARRIERS)) == less.carriers
    assert more.q < 1e-6


def test_what_is_unknown_to_one_judge_leaves_the_others_alone() -> None:
    rows, other = shown(90), shown(10)
    first = evidence(rows, other)
    unknown = np.where(np.arange(100)[:, None] % 3 == 0, np.nan, rows)
    second = Evidence(("same",), ("things",), "recogniser", unknown, other)
    (one,) = discover([first, second])
    assert one.alike == ("same",) or one.phrase == "same"


def test_a_real_but_small_difference_is_not_named() -> None:
    n = 20_000
    least = int(LEAST_POINTS * n)
    (named,) = discover([evidence(shown(10 + least, least - 10, n=n), shown(0, 0, n=n))])
    assert named.phrase == "thing 0"


def test_phrases_of_the_same_pictures_are_one_discovery() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.random((200, 1)) < share for share in (0.6, 0.2))
    both = [
        np.hstack([one, ~one, rng.permutation(one), one]).astype(float) for one in (first, second)
    ]
    found = discover([evidence(*both)])
    assert [(one.phrase, one.alike, one.opposite) for one in found] == [
        ("thing 0", ("thing 3",), ("thing 1",)),
        ("thing 2", (), ()),
    ]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), by=st.sampled_from(["detector", "cosine"]))
def test_exchanging_the_sides_turns_every_effect_round(seed: int, by: str) -> None:
    rng = np.random.default_rng(seed)
    rates = rng.random((2, 6))
    a, b = ((rng.random((60, 6)) < one).astype(float) for one in rates)
    if by == "cosine":
        a, b = (one + rng.normal(size=one.shape) for one in (a, b))
    forward, back = (
        {one.phrase: one for one in discover([evidence(*sides, by)])} for sides in ((a, b), (b, a))
    )
    assert forward.keys() == back.keys()
    for name, one in forward.items():
        assert one.effect.value == pytest.approx(-back[name].effect.value)
        assert (one.effect.low, one.effect.high) == pytest.approx(
            (-back[name].effect.high, -back[name].effect.low)
        )
        assert one.q == pytest.approx(back[name].q)
        assert one.carriers == back[name].carriers


def test_halves_of_one_set_hardly_ever_differ() -> None:
    named = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = (rng.random((400, 40)) < rng.random(40)).astype(float)
        scores = rng.normal(size=(400, 40))
        both = ((rows, "detector"), (scores, "cosine"))
        halves = [evidence(one[:200], one[200:], by) for one, by in both]
        named += bool(discover(halves))
    assert named <= 10


def test_pictures_that_show_nothing_are_left_out() -> None:
    rows = shown(90)
    rows[95:] = np.nan
    (one,) = discover([evidence(rows, shown(10))])
    assert one.concept == wilson(90, 95)
    with pytest.raises(UsageError, match="at least two on each side"):
        discover([evidence(np.full((5, 1), np.nan), shown(10))])
    with pytest.raises(UsageError, match="level=1"):
        discover([], level=1)
    assert discover([]) == ()


def test_groups_of_pictures_without_words() -> None:
    rng = np.random.default_rng(3)
    places = np.eye(8)[:3]
    concept = places[rng.choice(3, 90, p=(0.8, 0.1, 0.1))] + 0.05 * rng.normal(size=(90, 8))
    reference = places[rng.choice(3, 90, p=(0.1, 0.8, 0.1))] + 0.05 * rng.normal(size=(90, 8))
    concept[7] = np.nan
    found = clusters(concept, reference, ["first", "second", "third"], places)
    assert sum(one.concept.count for one in found) == 89
    assert sum(one.reference.count for one in found) == 90
    assert all(one.phrases[0] == "first" for one in found if one.effect.low > 0.2)
    assert all(one.phrases[0] == "second" for one in found if one.effect.high < -0.2)
    assert any(one.q < 0.01 for one in found)
    for one in found:
        mine = one.concept if one.over else one.reference
        assert len(one.carriers) == min(CARRIERS, mine.count)
        assert not (one.over and 7 in one.carriers)


def test_few_pictures_make_no_groups() -> None:
    rows = np.random.default_rng(0).normal(size=(8, 4))
    assert clusters(rows, rows) == ()
    assert clusters(np.ones((30, 4)), np.ones((30, 4))) == ()
    two = np.repeat(rows[:2], 20, axis=0)
    assert len(clusters(two, two)) == 2
    with pytest.raises(UsageError, match="rows of the same length"):
        clusters(rows, rows[:, :3])


def test_where_text_and_pictures_disagree() -> None:
    phrases = ["near, shown", "near, unseen", "far, shown", "far, unseen"]
    shares = [wilson(count, 100) for count in (95, 0, 90, 1)]
    found = {one.phrase: one for one in misalignments(phrases, [0.9, 0.8, 0.2, 0.1], shares)}
    assert found["near, unseen"].disagreement == "close, seldom shown"
    assert found["far, shown"].disagreement == "not close, mostly shown"
    assert not found["near, shown"].disagreement and not found["far, unseen"].disagreement
    assert [found[one].gap for one in phrases] == [0, 2, -1, -1]
    assert sum(one.gap for one in found.values()) == 0


def test_a_share_of_few_pictures_is_no_disagreement() -> None:
    (near, far) = misalignments(["near", "far"], [0.9, 0.1], [wilson(0, 5), wilson(5, 6)])
    assert not near.disagreement and not far.disagreement
    shares = [wilson(95, 100), wilson(0, 100)]
    assert not any(one.disagreement for one in misalignments(["a", "b"], [0.1, 0.9], shares))
