"""A conditioning as a value: rows, joining, changes by role."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import UsageError
from trimtab.pipelines import Conditioning, RunSettings, encode

N = 4
MASKS = {"prompt_embeds": "prompt_embeds_mask"}


def dense(n: int = N, length: int = 5) -> Conditioning:
    """Return tokens, pools and a mask."""
    torch.manual_seed(n + length)
    return Conditioning(
        {
            "prompt_embeds": torch.randn(n, length, 3),
            "negative_prompt_embeds": torch.randn(n, 5, 3),
            "pooled_prompt_embeds": torch.randn(n, 2),
            "prompt_embeds_mask": torch.ones(n, length, dtype=torch.long),
        },
        MASKS,
    )


def ragged() -> Conditioning:
    """Return tokens of as many lengths as images."""
    torch.manual_seed(0)
    return Conditioning({"prompt_embeds": [torch.randn(length, 3) for length in range(2, 2 + N)]})


@given(st.lists(st.integers(0, N), max_size=3), st.booleans())
def test_cut_and_joined_it_is_the_same(cuts: list[int], of_lists: bool) -> None:
    whole = ragged() if of_lists else dense()
    edges = sorted({0, *cuts, N})
    parts = [whole.rows(slice(a, b)) for a, b in itertools.pairwise(edges)]
    assert sum(map(len, parts)) == N
    assert Conditioning.concatenate(parts) == whole


@given(
    st.builds(slice, st.integers(-6, 6) | st.none(), st.integers(-6, 6) | st.none(),
              st.sampled_from([None, 1, 2, -1, -2]))
)  # fmt: skip
def test_rows_are_those_of_a_list(which: slice) -> None:
    wanted = list(range(N))[which]
    for whole in (dense(), ragged()):
        if not wanted:
            with pytest.raises(UsageError, match="at least one row"):
                whole.rows(which)
            continue
        part = whole.rows(which)
        assert len(part) == len(wanted)
        one_by_one = [whole.rows(slice(i, i + 1)) for i in wanted]
        assert Conditioning.concatenate(one_by_one) == part


def test_shorter_texts_are_padded_and_masked_out() -> None:
    short, long = dense(1, 2), dense(2, 4)
    unmasked = Conditioning(
        {k: v for k, v in short.parts.items() if k != "prompt_embeds_mask"}, MASKS
    )
    unnamed = Conditioning(short.parts)
    for one in (short, unmasked, unnamed):  # a mask that is missing is all ones
        joined = Conditioning.concatenate([one, long])
        tokens, mask = joined.parts["prompt_embeds"], joined.parts["prompt_embeds_mask"]
        assert isinstance(tokens, torch.Tensor)
        assert isinstance(mask, torch.Tensor)
        assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
        assert not tokens[0, 2:].any()
        assert torch.equal(tokens[0, :2], short.parts["prompt_embeds"][0])
        assert torch.equal(tokens[1:], long.parts["prompt_embeds"])  # type: ignore[arg-type]


def test_what_does_not_go_together_is_refused() -> None:
    tokens = torch.zeros(1, 2, 3)
    one = Conditioning({"prompt_embeds": tokens})
    with pytest.raises(UsageError, match="with 2 and 4 tokens; expected equal lengths"):
        Conditioning.concatenate([one, Conditioning({"prompt_embeds": torch.zeros(1, 4, 3)})])
    with pytest.raises(UsageError, match="not all with pooled_prompt_embeds"):
        more = {"prompt_embeds": tokens, "pooled_prompt_embeds": torch.zeros(1, 3)}
        Conditioning.concatenate([one, Conditioning(more)])
    with pytest.raises(UsageError, match="expected at least one"):
        Conditioning.concatenate([])
    with pytest.raises(UsageError, match="the same number of rows"):
        Conditioning({"prompt_embeds": tokens, "pooled_prompt_embeds": torch.zeros(2, 3)})
    with pytest.raises(UsageError, match="no rows"):
        Conditioning({})


def test_a_change_reaches_one_role_and_one_side() -> None:
    found = dense()
    changed = {
        role: {
            name
            for name, part in found.map(lambda one: one + 1, role, negative=negative).parts.items()  # type: ignore[arg-type]
            if not torch.equal(part, found.parts[name])  # type: ignore[arg-type]
        }
        for role, negative in (("tokens", False), ("pooled", False), ("mask", False))
    }
    assert changed == {
        "tokens": {"prompt_embeds"},
        "pooled": {"pooled_prompt_embeds"},
        "mask": {"prompt_embeds_mask"},
    }
    other = found.map(torch.zeros_like, negative=True)
    assert not other.parts["negative_prompt_embeds"].any()  # type: ignore[union-attr]
    assert torch.equal(other.parts["prompt_embeds"], found.parts["prompt_embeds"])  # type: ignore[arg-type]


def test_ragged_parts_are_changed_image_by_image() -> None:
    shapes = []

    def note(tokens: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(tokens.shape))
        return 2 * tokens

    found = ragged()
    doubled = found.map(note)
    assert shapes == [(1, length, 3) for length in range(2, 2 + N)]
    assert doubled == Conditioning(
        {"prompt_embeds": [2 * row for row in found.parts["prompt_embeds"]]}
    )
    assert isinstance(found.arguments()["prompt_embeds"], list)


def test_equality_is_of_numbers_and_types() -> None:
    assert dense() == dense()
    assert dense() != dense(length=4)
    assert dense() != ragged()
    assert dense() != dense().to(dtype=torch.float64)
    assert dense() != "dense"
    half = dense().to("cpu", torch.bfloat16)
    assert (half.dtype, half.device) == (torch.bfloat16, torch.device("cpu"))
    assert half.parts["prompt_embeds_mask"].dtype == torch.long  # type: ignore[union-attr]


def test_it_cannot_be_changed_from_outside() -> None:
    found = dense()
    with pytest.raises(TypeError):
        found.parts["prompt_embeds"] = torch.zeros(N, 5, 3)  # type: ignore[index]
    with pytest.raises(AttributeError):
        found.parts = {}  # type: ignore[misc]


def test_no_prompts_are_refused(pipe: Any) -> None:
    with pytest.raises(UsageError, match="no prompts"):
        encode(pipe, [], RunSettings(num_inference_steps=1))
