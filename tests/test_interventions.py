"""Directions and steerings: their algebra, their records, their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from trimtab.errors import FileError, UsageError
from trimtab.interventions import (
    AddedWords,
    Adjustment,
    Direction,
    Intervention,
    Steering,
    as_intervention,
    as_steering,
)
from trimtab.interventions.tables import facts_of
from trimtab.pipelines import LatentSpec, known_families

SHAPE = (2, 3, 4)
vectors = arrays(np.float64, SHAPE, elements=st.floats(-10, 10, width=32)).filter(
    lambda vector: np.linalg.norm(vector) > 0.1
)
directions = vectors.map(Direction.along)
strengths = st.floats(-50, 50, width=32)


def some(seed: int, shape: tuple[int, ...] = SHAPE) -> Direction:
    """A direction to play with."""
    return Direction.random(shape, seed)


@given(vectors)
def test_a_direction_has_unit_length_and_stays(vector: np.ndarray) -> None:
    direction = Direction.along(vector)
    assert np.linalg.norm(direction.array) == pytest.approx(1, abs=1e-6)
    assert direction.array.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        direction.array[0] = 0


@given(directions, directions, strengths, strengths)
def test_a_sum_moves_by_the_sum(a: Direction, b: Direction, x: float, y: float) -> None:
    expected = x * a.array.astype(float) + y * b.array.astype(float)
    np.testing.assert_allclose((x * a + y * b).offset(1)[0], expected, atol=1e-4)
    np.testing.assert_allclose((x * a - b * y).offset(1)[0], 2 * x * a.array - expected, atol=1e-4)
    assert x * a + y * b == b * y + a * x
    assert hash(x * a + y * b) == hash(y * b + x * a)


@given(directions, strengths)
def test_signs_and_factors(d: Direction, x: float) -> None:
    back = -d
    assert -back == 1 * d == as_steering(d)
    assert 2 * (x * d) == (2 * x) * d == x * d + d * x == sum([x * d, d * x])
    assert (2 * x * d) / 2 == x * d
    assert x * d - x * d == 0 * d
    assert not 0 * d
    assert bool(x * d) == (x != 0)
    assert np.float64(3) * d == 3 * d


@given(directions, st.lists(directions, min_size=1, max_size=3))
def test_orthogonal_to_gives_right_angles(d: Direction, others: list[Direction]) -> None:
    try:
        rest = d.orthogonal_to(*others)
    except UsageError as error:
        assert "at least 0.1" in str(error)
        return
    for other in others:
        assert rest.cosine(other) == pytest.approx(0, abs=1e-5)
    assert rest.cosine(d) == pytest.approx(rest.provenance["kept"], abs=1e-5)
    assert rest.cosine(d) >= 0.1 - 1e-5


@given(directions)
def test_nothing_remains_beside_oneself(d: Direction) -> None:
    for other in (d, Direction.along(-d.array)):
        with pytest.raises(UsageError, match="leave out the direction"):
            d.orthogonal_to(other)


def test_the_same_direction_twice_removes_no_more_than_once() -> None:
    once = some(1).orthogonal_to(some(2))
    twice = some(1).orthogonal_to(some(2), some(2))
    assert once.cosine(twice) == pytest.approx(1)
    assert some(1).orthogonal_to() == some(1)


@given(directions, directions)
def test_cosine(a: Direction, b: Direction) -> None:
    assert a.cosine(b) == b.cosine(a)
    assert a.cosine(a) == pytest.approx(1)
    assert abs(a.cosine(b)) <= 1 + 1e-6


def test_an_accuracy_is_no_longer_that_of_what_was_projected() -> None:
    facts = {"attribute": "gender", "accuracy": 0.9, "accuracy_interval": [0.8, 0.95]}
    rest = Direction(some(1).array, facts).orthogonal_to(some(2)).orthogonal_to(some(3))
    assert not {"accuracy", "accuracy_interval"} & set(rest.provenance)
    assert rest.provenance["accuracy_as_learned"] == 0.9
    assert rest.provenance["accuracy_interval_as_learned"] == [0.8, 0.95]
    assert rest.provenance["attribute"] == "gender"


def energies(d: Direction) -> np.ndarray:
    """The energy of each cell."""
    return (d.array.astype(float) ** 2).sum(axis=0)


@given(directions, st.floats(0.01, 1))
def test_a_local_direction_keeps_the_fewest_cells_that_hold_enough(
    d: Direction, energy: float
) -> None:
    some_cells = d.local(energy)
    kept, before = energies(some_cells) > 0, energies(d)
    assert before[kept].sum() >= energy * before.sum() - 1e-9
    assert before[kept].sum() - before[kept].min() < energy * before.sum() + 1e-9
    assert before[kept].min() >= before[~kept].max(initial=0)
    assert some_cells.cosine(d) == pytest.approx(np.sqrt(before[kept].sum()), abs=1e-5)
    direction = some_cells.array * np.linalg.norm(d.array[:, kept])
    np.testing.assert_allclose(direction[:, kept], d.array[:, kept], atol=1e-6)
    if energy < 1:
        said = {"energy": energy, "cells": kept.sum(), "of": 12}
        assert some_cells.provenance["local"] == said


@given(directions, st.floats(0.01, 1), st.floats(0.01, 1))
def test_less_energy_keeps_some_of_the_same_cells(d: Direction, a: float, b: float) -> None:
    less, more = sorted((a, b))
    assert (energies(d.local(less)) <= 2 * (energies(d.local(more)) > 0)).all()
    assert (energies(d.local(a).local(b)) <= 2 * (energies(d.local(a)) > 0)).all()
    assert d.local(1) == d
    assert d.local(a).local(1) == d.local(a)


@given(directions, st.floats(0.01, 1))
def test_making_local_commutes_with_signs_packing_and_files(d: Direction, energy: float) -> None:
    made = d.local(energy)
    # Not by `along`, which normalises again and may change the last bit.
    assert np.array_equal(Direction(-d.array).local(energy).array, -made.array)
    tall = np.repeat(d.array, 2, axis=1)  # an even number of cells, which FLUX packs in fours
    flux = next(one for one in known_families() if "FluxPipeline" in one.pipelines)
    back = flux.unpack(flux.pack(torch.from_numpy(tall)[None]), tall.shape)[0].numpy()
    assert Direction.along(back).local(energy) == Direction.along(tall).local(energy)
    again = Direction.from_bytes(made.to_bytes())
    assert again == made and again.hash == made.hash and again.provenance == made.provenance
    assert (2 * made).offset(1)[0] == pytest.approx(2 * made.array)


def test_of_equal_cells_the_first_are_kept() -> None:
    even = Direction.along(np.ones(SHAPE))
    assert np.flatnonzero(even.local(0.5).array[0]).tolist() == list(range(6))
    assert even.local(0.5) == even.local(0.45) != even.local(0.4)


def test_a_local_direction_is_combined_like_any_other() -> None:
    d = Direction(some(1).array, {"attribute": "gender", "accuracy": 0.9})
    made = d.orthogonal_to(some(2)).local()
    assert made.provenance["accuracy_as_learned"] == 0.9
    assert made.provenance["orthogonal_to"] and made.provenance["local"]["energy"] == 0.75
    wider = made.resampled((2, 6, 8))
    assert wider.provenance["local"] == made.provenance["local"]
    rest = made.orthogonal_to(some(3))
    assert rest.cosine(some(3)) == pytest.approx(0, abs=1e-5)
    assert "local" not in rest.provenance
    cells = made.provenance["local"]["cells"]
    assert facts_of(made)["cells kept"] == f"{cells} of 12, with 75% of the energy"


@pytest.mark.parametrize("energy", [0, -0.5, 1.01, np.nan, np.inf, None, "0.5", True, [0.5]])
def test_an_energy_that_is_no_part_is_refused(energy: Any) -> None:
    with pytest.raises(UsageError, match=r"got energy=.*; expected .* above 0 .*; use 0\.75"):
        some(1).local(energy)


def test_random_directions_come_from_their_seed() -> None:
    spec = LatentSpec("any", SHAPE, 24, 32)
    assert Direction.random(spec, 3) == Direction.random(SHAPE, 3) != Direction.random(SHAPE, 4)


@pytest.mark.parametrize(
    "array", [np.ones(SHAPE), np.zeros(SHAPE), np.full(SHAPE, np.nan), np.ones((1, 1)), 1.0]
)
def test_arrays_that_are_no_direction_are_refused(array: Any) -> None:
    with pytest.raises(UsageError, match="norm 1"):
        Direction(array)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_vectors_without_direction_are_refused(value: float) -> None:
    with pytest.raises(UsageError, match="finite vector"):
        Direction.along(np.full(SHAPE, value))


@given(directions, st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_save_and_load(tmp_path_factory: Any, d: Direction, facts: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("save") / "d.safetensors"
    loaded = Direction.load(Direction(d.array, facts).save(file))
    assert loaded == d
    assert loaded.hash == d.hash
    assert loaded.provenance == facts
    shutil.rmtree(file.parent)


def test_saving_makes_the_folder_and_replaces_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "d.safetensors"
    some(1).save(file)
    some(2).save(str(file))
    assert Direction.load(file) == some(2)
    assert [path.name for path in file.parent.iterdir()] == ["d.safetensors"]


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "flip", "truncate", "folder"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    file = some(1).save(tmp_path / "d.safetensors")
    data = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage != "missing":
        changed = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
        contents = {"empty": b"", "text": b"hello", "flip": changed, "truncate": data[:-4]}
        file.write_bytes(contents[damage])
    with pytest.raises(FileError, match=r"d\.safetensors"):
        Direction.load(file)


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({"weight": np.ones(3, np.float32)}, None),
        ({"direction": some(1).array}, {"format": "pt"}),
        ({"direction": some(1).array}, {"format": "trimtab-direction", "version": "2"}),
        ({"direction": some(1).array}, {"format": "trimtab-direction", "version": "1"}),
        ({"weight": some(1).array}, {"format": "trimtab-direction", "version": "1"}),
        (
            {"direction": 2 * some(1).array},
            {"format": "trimtab-direction", "version": "1", "provenance": "{}", "sha256": ""},
        ),
        (
            {"direction": some(1).array},
            {"format": "trimtab-direction", "version": "1", "provenance": "[1]", "sha256": ""},
        ),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, tensors: Any, metadata: Any) -> None:
    save_file(tensors, tmp_path / "x.safetensors", metadata)
    with pytest.raises(FileError, match="expected a direction of format trimtab-direction"):
        Direction.load(tmp_path / "x.safetensors")


@pytest.mark.parametrize("seeds", [50, "0 to 50", [1.5], ["1"], None, {"1": 2}])
def test_seeds_that_are_no_list_of_them_are_refused(tmp_path: Path, seeds: Any) -> None:
    with pytest.raises(UsageError, match="list of whole numbers"):
        Direction(some(1).array, {"seeds": seeds})
    facts = {"provenance": json.dumps({"seeds": seeds}), "sha256": some(1).hash}
    facts |= {"format": "trimtab-direction", "version": "1"}
    save_file({"direction": some(1).array}, tmp_path / "x.safetensors", facts)
    with pytest.raises(FileError, match=r"x\.safetensors \(a provenance with seeds"):
        Direction.load(tmp_path / "x.safetensors")


@given(directions, st.lists(strengths, min_size=1, max_size=5))
def test_strengths_per_image(d: Direction, values: list[float]) -> None:
    steering = np.array(values) * d
    assert steering == values * d
    offset = steering.offset(len(values))
    assert offset.shape == (len(values), *SHAPE)
    for i, value in enumerate(values):
        assert np.array_equal(offset[i], (value * d).offset(1)[0])
        assert steering.image(i) == value * d
    first = values[:2]
    assert np.array_equal(steering.part(slice(0, 2)).offset(len(first)), offset[: len(first)])
    with pytest.raises(UsageError, match=f"strengths for {len(values)} images"):
        steering.offset(len(values) + 1)


def test_strengths_for_different_numbers_of_images_do_not_mix() -> None:
    for wrong in (
        lambda: [1, 2] * some(1) + [1, 2, 3] * some(1),
        lambda: [1, 2] * some(1) + [1, 2, 3] * some(2),
        lambda: [1, 2] * ([1, 2, 3] * some(1)),
    ):
        with pytest.raises(UsageError, match="the same number of images"):
            wrong()


@pytest.mark.parametrize("strength", [np.nan, np.inf, [1, np.nan], [], [[1]], "much", "3", None])
def test_bad_strengths_are_refused(strength: Any) -> None:
    for steerable in (some(1), 1 * some(1)):
        with pytest.raises(UsageError, match="strength"):
            steerable * strength


def test_nothing_moves_nothing() -> None:
    assert not as_steering(None)
    assert not as_steering(None).offset(3).any()
    assert as_steering(None) + some(1) == 1 * some(1)
    assert str(as_steering(None)) == "plain"
    with pytest.raises(UsageError, match="steer of type int"):
        as_steering(3)  # type: ignore[arg-type]


def test_a_steering_reads_like_its_sum() -> None:
    woman = Direction(some(1).array, {"attribute": "gender", "towards": "woman"})
    assert str(6 * woman + [1, 3] * some(2)) == "6 gender: woman + [1 … 3] random 2"


def test_shapes_do_not_mix() -> None:
    other = some(1, (2, 3, 5))
    for wrong in (lambda: some(1) + other, lambda: some(1).cosine(other)):
        with pytest.raises(UsageError, match="shape"):
            wrong()
    with pytest.raises(UsageError, match="shape"):
        some(1).orthogonal_to(other)


def test_a_direction_of_another_model_is_refused() -> None:
    spec = LatentSpec("any", (4, 8, 8), 64, 64)
    as_intervention(some(1, (4, 8, 8))).check(spec)
    with pytest.raises(UsageError, match=r"random 1 of shape \(2, 3, 4\).*\(4, 8, 8\)"):
        as_intervention(5 * some(1)).check(spec)


@given(directions, directions, strengths, st.lists(strengths, min_size=2, max_size=3))
def test_a_record_rebuilds_the_steering(a: Direction, b: Direction, x: float, y: Any) -> None:
    assume(a != b)
    steering = x * a + y * b
    record = json.loads(json.dumps(steering.to_dict()))
    assert Steering.from_dict(record, [b, a]) == steering
    with pytest.raises(UsageError, match="load its file"):
        Steering.from_dict(record, [a])


def test_a_steering_knows_the_seeds_it_was_learned_from() -> None:
    first, second = (Direction(some(i).array, {"seeds": [i, i + 1]}) for i in (1, 2))
    assert (first + second - some(3)).seeds == (1, 2, 3)


@pytest.mark.parametrize("wrong", [lambda d: d + 3, lambda d: 3 + d, lambda d: d - "x"])
def test_numbers_do_not_mix_with_directions(wrong: Any) -> None:
    for operand in (some(1), 2 * some(1)):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong(operand)


def test_a_steering_is_divided_by_numbers_other_than_0() -> None:
    assert sum([2 * some(1), 4 * some(2)]) / 2 == some(1) + 2 * some(2)
    for divisor in (0, "2", None):
        with pytest.raises(UsageError, match="a number other than 0"):
            (3 * some(1)) / divisor


# Adjustments


def test_the_same_words_are_added_to_every_prompt() -> None:
    words = AddedWords("smiling")
    assert words.rewritten(["a dog", "a cat"], [3, 3]) == ["a dog, smiling", "a cat, smiling"]
    assert AddedWords("smiling", joint=" ").drawn("a dog", 0) == "a dog smiling"
    assert str(words) == "words “smiling”"


@given(
    st.dictionaries(st.text(), st.floats(0.01, 100), min_size=2, max_size=5).filter(
        lambda words: any(text.strip() for text in words)
    ),
    st.integers(0, 2**63 - 1),
)
def test_drawn_words_depend_on_the_seed_and_the_words_alone(
    words: dict[str, float], seed: int
) -> None:
    adjustment = AddedWords(words)
    turned = AddedWords(dict(reversed(words.items())))
    assert adjustment == turned and hash(adjustment) == hash(turned)
    record = json.loads(json.dumps(adjustment.to_dict()))
    assert Adjustment.from_dict(record) == adjustment
    found = adjustment.drawn("x", seed)
    assert found == turned.drawn("x", seed)
    assert found in {f"x, {text}" if text.strip() else "x" for text in words}
    assert adjustment.rewritten(["y", "x"], [seed + 1, seed])[1] == found


def test_draws_are_the_same_everywhere_and_follow_the_weights() -> None:
    words = AddedWords({"a woman": 3, "a man": 1})
    drawn = [words.drawn("", seed).strip(", ") for seed in range(2000)]
    assert "".join(text[2] for text in drawn[:12]) == "wwwmwmwwwwmw"
    assert drawn.count("a woman") / 2000 == pytest.approx(0.75, abs=0.03)
    assert str(words) == "words “a man” 25%, “a woman” 75%"


def test_no_words_may_be_drawn_too() -> None:
    found = {AddedWords({"": 1, "old": 1}).drawn("a dog", seed) for seed in range(50)}
    assert found == {"a dog", "a dog, old"}


@pytest.mark.parametrize(
    "words", ["", " ", {}, {"": 1}, {"a": 0}, {"a": -1, "b": 2}, {"a": np.nan, "b": 1}, {1: 1},
              {"a": "1", "b": 1}, ["a"], None],
)  # fmt: skip
def test_bad_words_are_refused(words: Any) -> None:
    with pytest.raises(UsageError, match="added words"):
        AddedWords(words)


@pytest.mark.parametrize(
    "record", [{}, {"kind": "spell"}, {"kind": "added words"},
               {"kind": "added words", "words": {"a": 1}, "joint": ", ", "more": 1},
               {"kind": "added words", "words": {"a": "1"}, "joint": ", "},
               {"kind": "added words", "words": {"a": 1}, "joint": 3}],
)  # fmt: skip
def test_records_of_no_adjustment_are_refused(record: Any) -> None:
    with pytest.raises(UsageError):
        Adjustment.from_dict(record)


def test_an_adjustment_without_its_methods_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Adjustment()  # type: ignore[abstract]


# Interventions

WORDS = AddedWords({"a woman": 1, "a man": 1})


@given(directions, directions, strengths, st.lists(strengths, min_size=2, max_size=3))
def test_an_intervention_is_its_parts(a: Direction, b: Direction, x: float, y: Any) -> None:
    assume(a != b)
    both = as_intervention(x * a + y * b, WORDS)
    assert both == Intervention(y * b + x * a, WORDS) and hash(both) == hash(
        Intervention(y * b + x * a, WORDS)
    )
    assert both.hash == Intervention(y * b + x * a, WORDS).hash
    assert both != as_intervention(x * a + y * b)
    assert both.image(1) == Intervention(x * a + y[1] * b, WORDS)
    assert both.part(slice(0, 1)) == Intervention(x * a + y[:1] * b, WORDS)
    assert np.array_equal(both.offset(len(y)), (x * a + y * b).offset(len(y)))
    assert 2 * both == Intervention(2 * x * a + [2 * one for one in y] * b, WORDS)
    assert both == as_intervention(both) == x * a + Intervention(y * b, WORDS)
    assert sum([as_intervention(x * a), both]) == as_intervention(2 * x * a + y * b, WORDS)
    record = json.loads(json.dumps(both.to_dict()))
    assert Intervention.from_dict(record, [b, a]) == both


def test_an_intervention_says_what_it_does() -> None:
    woman = Direction(some(1).array, {"attribute": "gender", "towards": "woman", "seeds": [3, 2]})
    both = as_intervention(3.2 * woman, AddedWords("smiling"))
    assert str(both) == "3.2 gender: woman + words “smiling”"
    assert both.seeds == (2, 3)
    assert bool(both) and not both.noise_only
    assert str(as_intervention(None, AddedWords("smiling"))) == "words “smiling”"
    nothing = as_intervention(None)
    assert (str(nothing), bool(nothing), nothing.noise_only) == ("plain", False, True)
    assert nothing.to_dict() == {"steering": {"terms": []}, "adjustment": None}


def test_facts_are_of_what_was_measured_and_not_of_what_is_made_from_it() -> None:
    own = Intervention(3 * some(1), WORDS, {"licence": "mit"})
    assert own == own.annotated(name="x") and own.annotated(name="x").name == "x"
    assert own.annotated(name="x").provenance == {"licence": "mit", "name": "x"}
    for other in (2 * own, own / 2, own + some(2), own.resampled((2, 6, 8))):
        assert other.adjustment == WORDS and not other.provenance
    for same in (own + None, own + Intervention(), sum([own])):
        assert same.provenance == {"licence": "mit"}


def test_adjustments_add_up_and_equal_ones_are_done_once() -> None:
    own, more = as_intervention(None, WORDS), AddedWords("smiling")
    assert own + own == own
    both = own + Intervention(adjustment=more)
    assert both == as_intervention(own, more) == Intervention(adjustment=WORDS + more)
    assert both + own == both
    assert both.adjustment.rewritten(["x"], [0]) == more.rewritten(WORDS.rewritten(["x"], [0]), [0])
    assert str(both) == f"{WORDS} + {more}"
    record = json.loads(json.dumps(both.to_dict()))
    assert Intervention.from_dict(record, []) == both
    with pytest.raises(TypeError):
        WORDS + "smiling"  # type: ignore[operator]


@pytest.mark.parametrize("adjust", ["a woman", {"a": 1}, 3 * some(1)])
def test_what_adjusts_nothing_is_refused(adjust: Any) -> None:
    with pytest.raises(UsageError, match="adjust of type"):
        as_intervention(None, adjust)


def test_where_only_noise_is_moved_an_adjustment_is_refused_by_name() -> None:
    both = as_intervention(3 * some(1), AddedWords("smiling"))
    with pytest.raises(UsageError, match=r"with words “smiling”.*noise_only=True"):
        as_steering(both)
    assert as_steering(both, noise_only=True) == as_steering(as_intervention(3 * some(1)))
