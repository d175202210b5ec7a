"""Targets: what pictures should show, given in code, on a command line, or by default."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from trimtab.concepts import Target
from trimtab.errors import UsageError

GROUPS = ("woman", "man")


def test_nothing_asked_for_is_equal_shares_and_says_so():
    target = Target.of(("a", "b", "c"))
    assert target.vector == pytest.approx((1 / 3,) * 3) and sum(target.vector) == 1
    assert str(target) == "a 0.333, b 0.333, c 0.333 (equal shares, the default)"


def test_target_takes_the_order_and_the_names_of_the_groups():
    target = Target.of(("dark skinned", "light"), Target({"Light": 0.6, "dark-skinned": 0.4}, "x"))
    assert target.groups == ("dark skinned", "light") and target.vector == (0.4, 0.6)
    assert target["light"] == 0.6 and target.source == "x"
    with pytest.raises(UsageError, match="one of dark skinned, light"):
        target["medium"]


def test_target_of_the_command_line():
    target = Target.parse("woman=0.3, man = 0.7", "survey of 2024")
    assert target == Target({"woman": 0.3, "man": 0.7}, "survey of 2024")
    assert str(target) == "woman 0.3, man 0.7 (survey of 2024)"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("woman", "'woman'"),
        ("woman=0.3,man", "'man'"),
        ("woman=x,man=0.7", "'woman=x'"),
        ("woman=0.3,woman=0.7", "'woman=0.7'"),
        ("=0.3,man=0.7", "'=0.3'"),
        ("woman=0.3,man=0.6", r"adds up to 0\.9 \(woman 0\.3, man 0\.6\)"),
        ("woman=1,man=0", "target 0 for 'man'"),
        ("woman=nan,man=0.5", "target nan for 'woman'"),
        ("woman=1.5,man=-0.5", "target -0.5 for 'man'"),
        ("woman=1", "at least two groups"),
    ],
)
def test_targets_that_are_none(text, named):
    with pytest.raises(UsageError, match=named):
        Target.parse(text)


@pytest.mark.parametrize(
    ("shares", "named"),
    [
        ({"woman": 0.5, "person": 0.5}, "'person'"),
        ({"woman": 0.4, "Woman": 0.3, "man": 0.3}, "'Woman' twice"),
        ({"woman": 0.6, "other": 0.4}, "'other'"),
    ],
)
def test_targets_of_other_groups_are_refused_by_name(shares, named):
    with pytest.raises(UsageError, match=named):
        Target.of(GROUPS, shares)
    with pytest.raises(UsageError, match="without 'c'"):
        Target.of(("a", "b", "c"), {"a": 0.5, "b": 0.5})


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=9), st.text(max_size=20))
def test_a_target_saved_and_loaded_is_the_same(weights, source):
    total = sum(weights)
    target = Target({f"g{i}": w / total for i, w in enumerate(weights)}, source)
    codec = TypeAdapter(Target)
    again = codec.validate_json(codec.dump_json(target))
    assert again == target and hash(again) == hash(target)
    assert math.fsum(again.vector) == pytest.approx(1, abs=1e-12)


def test_target_of_an_intersection():
    crossed = Target({"woman": 0.3, "man": 0.7}, "a").times(Target.uniform(("light", "dark")))
    assert crossed.groups[1] == "woman × dark" and crossed["woman × dark"] == pytest.approx(0.15)
    assert crossed.source == "woman, man: a; light, dark: equal shares, the default"
