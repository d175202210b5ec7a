"""The recipe that made the embedded model: its stages load, and its captions are true."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimtab.townsfolk import BiasCard
from trimtab.townsfolk.scene_captions import describe
from trimtab.townsfolk.world import SCENES, Home, Subject, Wedding

ROOT = Path(__file__).parents[1]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that imports a stage by its name."""
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"recipes.townsfolk.{name}")


STAGES = sorted(
    file.stem for file in (ROOT / "recipes" / "townsfolk").glob("*.py") if file.stem != "__init__"
)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_loads(stage: Any, name: str) -> None:
    assert stage(name).__doc__


@pytest.mark.parametrize("scene", SCENES)
def test_a_caption_claims_what_its_picture_shows_and_a_flipped_one_does_not(
    stage: Any, scene: str
) -> None:
    claims, common, draw = stage("claims"), stage("common"), stage("draw")
    card, facts = BiasCard.load(), []
    index = 0
    while len(facts) < 12:
        if draw.chosen(index, common.TRAIN, card)[-1]["scene"] == scene:
            _, row = draw.one(index, common.TRAIN, card)
            facts.append(common.fact_of(row))
        index += 1
    rng, codes = np.random.default_rng(0), claims.Codes()
    made = [claims.Claim(one.subject, one.named, common.caption_of(one, rng)[1]) for one in facts]
    shown = codes.shown(facts)
    assert claims.truth(shown, *codes.claimed(made)).diagonal().all()
    flipped = [claims.flipped(one, rng) for one in made]
    assert not claims.truth(shown, *codes.claimed(flipped)).diagonal().any()


HOME = Home(
    BiasCard.load().person("person", np.random.default_rng(0)),
    "poor", "Castan", "cottage", thatch=True, extras=("car", "tree"),
)  # fmt: skip
PAIR = (replace(HOME.owner, gender="woman", tone=2), replace(HOME.owner, gender="man", tone=3))
MIXED = Wedding(PAIR, "common", ())


@pytest.mark.parametrize(
    ("subject", "named", "unsaid"),
    [
        (HOME, ("thatch", "extras"), ()),
        (replace(HOME, thatch=False, extras=()), ("thatch", "extras"), ("thatch", "extras")),
        (MIXED, ("couple",), ()),
        (MIXED, ("couple", "skin"), ("couple",)),
        (MIXED, ("decorations", "style"), ("decorations",)),
        (replace(MIXED, couple=(PAIR[0], PAIR[0])), ("couple", "skin"), ()),
    ],
)
def test_a_caption_claims_only_what_it_says(
    stage: Any, subject: Subject, named: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    claims = stage("claims")
    assert set(named) - set(claims.said(subject, named)) == set(unsaid)
    words = {
        "thatch": r"\bthatch\b", "extras": r"\b(car|tree)\b", "skin": r"\blight(er)?-skinned\b",
        "couple": r"\b(bride|groom|woman and a man|two .*women)\b", "decorations": r"\bwith\b",
        "style": r"\b(Castan|white)\b",
    }  # fmt: skip
    for k in range(20):
        text = describe(subject, named, np.random.default_rng(k))
        for name in named:
            assert bool(re.search(words[name], text)) is (name not in unsaid), text


def test_a_flipped_caption_says_what_it_changed(stage: Any) -> None:
    claims, rng = stage("claims"), np.random.default_rng(0)
    for named in (("thatch",), ("extras",), ("thatch", "extras")):
        for _ in range(10):
            wrong = claims.flipped(claims.Claim(HOME, named), rng)
            text = describe(wrong.subject, wrong.named, rng)
            if wrong.subject.extras != HOME.extras:
                assert wrong.subject.extras[0] in text
            else:  # that a roof is not of thatch cannot be said
                assert wrong.subject.thatch and wrong.subject.wealth != HOME.wealth
