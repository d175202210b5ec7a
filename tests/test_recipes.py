"""The recipe that made the embedded model: its stages load, and its captions are true."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimtab.townsfolk import BiasCard
from trimtab.townsfolk.world import SCENES

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
