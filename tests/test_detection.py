"""Detections, compared with true boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.recognition.detection import Detection, average_precision, overlap

corner = st.floats(0, 100, allow_subnormal=False)
boxes = st.tuples(corner, corner, st.floats(1, 50), st.floats(1, 50)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_whole_only_with_itself(a: tuple, b: tuple) -> None:
    assert overlap([a], [a])[0, 0] == pytest.approx(1)
    assert overlap([a], [b])[0, 0] == pytest.approx(overlap([b], [a])[0, 0])
    assert 0 <= overlap([a], [b])[0, 0] <= 1 + 1e-9


def test_overlap_is_intersection_over_union() -> None:
    assert overlap([(0, 0, 2, 2)], [(1, 0, 3, 2), (5, 5, 6, 6)]).tolist() == [[1 / 3, 0]]
    assert overlap([], [(0, 0, 1, 1)]).shape == (0, 1)


CAR, TREE = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 20.0)


def test_findings_that_are_all_right_have_full_precision() -> None:
    found = [[Detection("car", 0.9, CAR), Detection("tree", 0.8, TREE)]]
    assert average_precision(found, [[("car", CAR), ("tree", TREE)]]) == {"car": 1, "tree": 1}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], 0),
        ([(0.9, TREE), (0.8, CAR)], 0.5),  # a wrong one first
        ([(0.9, CAR), (0.8, CAR)], 1),  # found twice, the second after full recall
        ([(0.8, CAR), (0.9, CAR), (0.7, TREE)], 1),
        ([(0.9, (0.0, 0.0, 10.0, 4.9))], 0),  # overlaps less than half
    ],
)
def test_what_is_wrong_costs_precision(found: list, expected: float) -> None:
    some = [Detection("car", score, box) for score, box in found]
    assert average_precision([some], [[("car", CAR)]]) == {"car": pytest.approx(expected)}


def test_it_is_the_area_under_the_curve_of_all_pictures() -> None:
    true = [[("car", CAR)], [("car", CAR)], [("car", CAR)], []]
    found = [
        [Detection("car", 0.9, CAR)],
        [Detection("car", 0.6, CAR)],
        [],
        [Detection("car", 0.7, CAR)],
    ]
    # Recall 1/3 at precision 1, 2/3 at precision 2/3, and the third car is never found.
    assert average_precision(found, true)["car"] == pytest.approx(1 / 3 + 2 / 9)


@given(st.permutations(range(6)), st.integers(0, 99))
def test_the_order_of_pictures_does_not_matter(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)

    def some() -> list[tuple[float, float, float, float]]:
        lows = rng.uniform(0, 20, size=(2, 2))
        return [(x, y, x + 10, y + 10) for x, y in lows.tolist()]

    true = [[("car", box) for box in some()] for _ in range(6)]
    found = [[Detection("car", float(rng.random()), box) for box in some()] for _ in range(6)]
    shuffled = average_precision([found[i] for i in order], [true[i] for i in order])
    assert shuffled["car"] == pytest.approx(average_precision(found, true)["car"])
