"""Adjustments of text embeddings: their formulas, records, limits and effect on pictures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tiny import tiny_pipeline
from trimtab import townsfolk
from trimtab.concepts import attribute
from trimtab.errors import UsageError
from trimtab.generation import generate
from trimtab.interventions import (
    AddedWords,
    Adjustment,
    CalibratedProjection,
    EmbeddingShift,
    parse_adjustment,
    written,
)

A, B = "a photo of a man", "a photo of a woman"


@pytest.mark.parametrize(
    ("options", "said"),
    [({"strength": np.nan}, "strength=nan; expected a number from 0 to 10"),
     ({"strength": -1.0}, "swap the prompts"), ({"strength": 1e3}, "from 0 to 10"),
     ({"strength": "1"}, "strength='1'"), ({"towards": A}, "to itself"),
     ({"towards": " "}, "the prompt ' '"), ({"where": "eyes"}, "'all' or 'after'")],
)  # fmt: skip
def test_bad_shifts_are_refused(options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        EmbeddingShift(**{"away": A, "towards": B} | options)


@pytest.mark.parametrize(
    ("pairs", "options", "said"),
    [([], {}, "without pairs"), ([(A, A)], {}, "two different prompts"), ([(A,)], {}, "the pair"),
     ([(A, "")], {}, "the prompt ''"), ([(A, B)], {"lam": np.nan}, "lam=nan"),
     ([(A, B)], {"lam": -1}, "from 0 to 1,000,000"), ([(A, B)], {"lam": 1e9}, "authors' own"),
     ([(A, B)], {"biased": [3]}, "the prompt 3")],
)  # fmt: skip
def test_bad_projections_are_refused(pairs: Any, options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CalibratedProjection(pairs, **options)


@given(arrays(np.float32, (6, 5), elements=st.floats(-1, 1, width=32)), st.floats(0, 1000))
def test_the_projection_is_the_closed_form(z: Any, lam: float) -> None:
    # No embedding is zero, and none differs from another by mere rounding.
    z = (z + 2 * np.eye(6, 5, dtype=np.float32)).round(2)
    projection = CalibratedProjection([("a", "b"), ("c", "d")], lam, ["e", "f"])
    unit = torch.nn.functional.normalize(torch.from_numpy(z), dim=-1).double().numpy()
    d, a = (unit[0:4:2] - unit[1:4:2]), unit[4:].T
    p0 = np.eye(5) - a @ np.linalg.pinv(a)
    wanted = p0 @ np.linalg.inv(np.eye(5) + lam / 2 * d.T @ d)
    found = projection.rule(torch.from_numpy(z))(torch.eye(5)).numpy().T
    assert np.allclose(found, wanted, atol=1e-4)


def test_adjustments_made_from_an_attribute_name_its_groups() -> None:
    shift = EmbeddingShift.between("gender", "woman", 0.5, on="doctor", where="after")
    assert shift.examples == ("a photo of a man doctor", "a photo of a woman doctor")
    projection = CalibratedProjection.between("gender", ["doctor", "nurse"], biased=True)
    assert len(projection.pairs) == 2 and projection.biased == tuple(
        texts[0] for texts in attribute("gender").prompts().values()
    )
    with pytest.raises(UsageError, match="one of two groups"):
        EmbeddingShift.between("gender", "child")


@pytest.mark.parametrize(
    "adjustment", [EmbeddingShift(A, B, 0.5, "after"), CalibratedProjection([(A, B)], 7, [A]),
                   AddedWords({"old": 2, "young": 1}) + EmbeddingShift(A, B)], ids=str,
)  # fmt: skip
def test_adjustments_survive_their_record_and_the_command_line(adjustment: Adjustment) -> None:
    assert Adjustment.from_dict(json.loads(json.dumps(adjustment.to_dict()))) == adjustment
    options = written(adjustment)
    assert options is not None
    given = {name: [] for name in ("add-words", "shift", "shift-after-words", "project",
                                   "project-off", "project-lam")}  # fmt: skip
    for option in options:
        name, _, value = option.removeprefix("--").partition("=")
        given[name].append(value)
    lam = float((given.pop("project-lam") or ["500"])[0])
    assert parse_adjustment(*given.values(), lam) == adjustment


@pytest.mark.parametrize("item", ["a -> b", "a=1", "a -> b=x", ""])
def test_a_shift_is_written_with_an_arrow_and_a_strength(item: str) -> None:
    with pytest.raises(UsageError, match="AWAY -> TOWARDS=STRENGTH"):
        parse_adjustment(shifts=[item])
    with pytest.raises(UsageError, match="ONE == OTHER"):
        parse_adjustment(pairs=[item])


def women(prompt: str, adjust: Adjustment | None, n: int = 16) -> float:
    """Return the share of women on the embedded model, by the oracle."""
    images = generate(townsfolk.load(), prompt, range(n), adjust=adjust, batch_size=n)
    return float((townsfolk.judge(images).labels("gender").names == "woman").mean())


def test_a_shift_of_the_end_of_the_text_shows_more_women() -> None:
    shift = EmbeddingShift(A, B, 2.0, where="after")
    assert women("a photo of a doctor", shift) > women("a photo of a doctor", None) + 0.5


def test_what_was_measured_on_one_encoder_is_refused_on_another() -> None:
    shift = EmbeddingShift(A, B, 0.5).bound(townsfolk.load())
    assert Adjustment.from_dict(shift.to_dict()) == shift != EmbeddingShift(A, B, 0.5)
    assert len(generate(townsfolk.load(), A, [0], adjust=shift, num_inference_steps=2)) == 1
    with pytest.raises(UsageError, match="measure it on this model"):
        generate(tiny_pipeline(), A, [0], adjust=shift, num_inference_steps=2)
