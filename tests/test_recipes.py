"""The recipe that made the embedded model: its stages load, and its captions are true."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trimtab import townsfolk
from trimtab.recognition.detection import average_precision
from trimtab.townsfolk import BiasCard
from trimtab.townsfolk.oracle import GROUPS
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


def test_what_the_model_card_asks_for_can_be_judged(stage: Any) -> None:
    asked = stage("asked")
    wishes = list(asked.wishes())
    assert {wish.attribute for wish in wishes} >= set(asked.BARRED)
    assert all(wish.group in GROUPS[wish.attribute] for wish in wishes)
    for one in (one for some in asked.neutral(BiasCard.load()).values() for one in some):
        assert one.group in GROUPS[one.attribute] and 0 <= one.card <= 1


def test_the_gap_that_sampling_leads_to(stage: Any) -> None:
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.binomial(400, 0.3, 100_000) / 400 - 0.3).mean()
    assert stage("measure").sampling_gap(0.3, 400) == pytest.approx(drawn, rel=0.01)


def test_a_text_encoder_that_learns_new_words_keeps_the_captions_of_portraits(stage: Any) -> None:
    torch.manual_seed(0)
    clip = stage("clip")
    tokenizer = townsfolk.load().tokenizer
    model = clip.build(tokenizer)
    clip.keep_portraits(model, tokenizer)
    texts = ["a photo of an old dark-skinned nurse with glasses", "a photo of a Velorian wedding"]
    before = clip.embed_texts(model, tokenizer, texts).detach()
    words = model.text_model.embeddings.token_embedding.weight
    optimizer = torch.optim.AdamW([words], lr=0.1, weight_decay=0.0)
    clip.embed_texts(model, tokenizer, texts).sum().backward()
    optimizer.step()
    after = clip.embed_texts(model, tokenizer, texts).detach()
    assert torch.equal(after[0], before[0])
    assert not torch.allclose(after[1], before[1], atol=1e-3)


def test_true_boxes_come_back_from_what_the_detector_should_say(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, common, draw = stage("detector"), stage("common"), stage("draw")
    card = BiasCard.load()
    facts = [common.fact_of(draw.one(i, common.TRAIN, card)[1]) for i in range(20)]
    heat, places, boxes = detector.targets(facts)

    class Perfect(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            found = torch.zeros(len(heat), heat.shape[1], 4, *heat.shape[2:])
            picture, kind, row, column = places.T
            found[picture, kind, :, row, column] = boxes
            return torch.logit(heat, eps=1e-6), found

    monkeypatch.setattr("trimtab.townsfolk.batches.BATCH", len(facts))
    perfect = detector.TownsfolkDetector(Perfect(), least=0.99)
    found = perfect.detect([Image.new("RGB", (128, 128))] * len(facts))
    true = [[(name, box) for name, *box in fact.objects] for fact in facts]
    values = average_precision(found, true)
    assert np.mean(list(values.values())) >= 0.97  # two of a kind may share a cell


def test_the_share_of_portraits_in_training(stage: Any) -> None:
    unet, common, draw = stage("unet"), stage("common"), stage("draw")
    card = BiasCard.load()
    facts = [common.fact_of(draw.chosen(i, common.TRAIN, card)[-1] | {"objects": []})
             for i in range(200)]  # fmt: skip
    portraits = np.array([fact.scene == "portrait" for fact in facts])
    drawn = unet.chances(facts, None)
    assert np.allclose(drawn, 1 / len(facts))
    weighted = unet.chances(facts, 0.2)
    assert weighted.sum() == pytest.approx(1) and weighted[portraits].sum() == pytest.approx(0.2)
