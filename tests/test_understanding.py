"""What a model connects with a concept and what its pictures show, on the embedded model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import done, trimtab
from tiny import tiny_pipeline
from tiny_families import z_image
from trimtab import townsfolk
from trimtab.concepts import PhraseList, as_attribute
from trimtab.errors import UsageError
from trimtab.recognition import Question
from trimtab.report import write_report
from trimtab.storage import Store
from trimtab.workflows import UnderstandingResult, load_result, understand
from trimtab.workflows.associations import entries_of

PROMPT = "a photo of a doctor"
FAST: dict[str, Any] = {"num_inference_steps": 6, "batch_size": 12}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("understand"))


@pytest.fixture(scope="module")
def understood(store: Store) -> UnderstandingResult:
    return understand(
        townsfolk.load(),
        PROMPT,
        words=["stethoscope", "clipboard", "straw hat", "hammer"],
        unrelated=townsfolk.words("unrelated"),
        detector=townsfolk.load_detector(),
        reference="a photo of a person",
        vocabulary=[townsfolk.words("backgrounds")],
        to=store,
        n=24,
        n_each=4,
        **FAST,
    )


def test_text_pictures_and_shares_of_each_attribute(understood: UnderstandingResult) -> None:
    names = [one.phrase for one in understood.associations]
    assert names == ["woman", "man", "light-skinned", "dark-skinned", "young", "old",
                     "stethoscope", "clipboard", "straw hat", "hammer"]  # fmt: skip
    worn, never = understood.of("stethoscope"), understood.of("straw hat")
    assert worn is not None and never is not None
    assert worn.by == "detector" and worn.detected is not None and worn.detected.value > 0.9
    assert never.detected is not None and never.detected.value < 0.1
    for encoder in understood.unrelated:
        assert worn.text[encoder].cosine > never.text[encoder].cosine
        assert worn.text[encoder].rarity < 0.1
    assert worn.pictures is not None and never.pictures is not None
    assert worn.pictures.value > never.pictures.value
    woman, man = understood.of("woman"), understood.of("man")
    assert woman is not None and man is not None and woman.by == "recogniser"
    (view,) = understood.views
    gender = view.of("gender")
    assert gender is not None and woman.detected == gender.shares["woman"]
    assert understood.of("beret") is None


def test_encoders_are_named_and_each_has_its_null(understood: UnderstandingResult) -> None:
    assert list(understood.unrelated) == ["text_encoder", understood.recogniser]
    for one in understood.unrelated.values():
        assert one.low < one.median < one.high and one.n == 33
    assert set(understood.agreement) == set(understood.unrelated)
    for agreement in understood.agreement.values():
        assert agreement.n == len(understood.associations)


def test_objects_are_counted_with_boxes(understood: UnderstandingResult) -> None:
    found = {one.phrase: one for one in understood.objects}
    assert found["clipboard"].count >= 22
    shares = [one.pictures.value for one in understood.objects]
    assert shares == sorted(shares, reverse=True)
    for example in found["clipboard"].examples:
        left, top, right, bottom = example.box
        assert 0 <= left < right <= 128 and 0 <= top < bottom <= 128


def test_discoveries_lead_to_their_pictures(understood: UnderstandingResult) -> None:
    named = {one.phrase: one for one in understood.discoveries}
    also = {phrase for one in understood.discoveries for phrase in one.alike}
    assert {"stethoscope", "clipboard"} <= {*named, *also}
    assert not {"straw hat", "pitchfork"} & {*named, *also}
    for one in (*understood.discoveries, *understood.clusters):
        seeds = range(*(understood.seeds if one.over else understood.others))
        assert all(seed in seeds for seed in one.carriers)
        assert one.carriers


def test_saved_loaded_and_shown(understood: UnderstandingResult, store: Store) -> None:
    again = load_result(store, understood.name)
    assert again == understood
    assert len(understood.pictures()) == 24
    text, html = str(understood), understood._repr_html_()
    for word in ("stethoscope", "rank correlation", "text_encoder", "Against"):
        assert word in text
    assert "<img" in html and "stethoscope" in html


def test_the_report_shows_every_part(understood: UnderstandingResult, tmp_path: Path) -> None:
    page = write_report(understood, tmp_path).read_text(encoding="utf-8")
    for part in ("Does text association predict what pictures show?",
                 "What the concept is close to", "Objects in the pictures",
                 "What nobody asked for", "Pictures that are alike",
                 "unrelated words"):  # fmt: skip
        assert part in page
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["format"] == "trimtab-understanding"
    assert summary["associations"][0]["phrase"] == "woman"


def test_nothing_is_made_twice(understood: UnderstandingResult, store: Store) -> None:
    made = sum(1 for _ in Path(str(store.folder)).rglob("*.png"))
    again = understand(
        townsfolk.load(), PROMPT, words=["stethoscope"], unrelated=townsfolk.words("unrelated"),
        to=store, n=24, n_each=0, **FAST,
    )  # fmt: skip
    assert sum(1 for _ in Path(str(store.folder)).rglob("*.png")) == made
    assert again.name != understood.name
    one = again.of("stethoscope")
    assert one is not None and one.pictures is None and one.detected is None
    assert math.isnan(again.agreement_of_pictures.value) and not again.objects
    assert "rank correlation" in str(again)  # of the groups


class Plain:
    """A recogniser that embeds nothing, and that knows one attribute."""

    name = "plain"

    def __init__(self, sure: float) -> None:
        self.sure = sure
        self.questions = {"gender": Question.of(as_attribute("gender"))}

    def probabilities(self, images: list[Any], prompts: list[list[str]]) -> np.ndarray:
        return np.tile([self.sure, 1 - self.sure], (len(images), 1))


@pytest.mark.parametrize("sure", [1.0, 0.5])
def test_a_model_without_pooled_texts_and_a_recogniser_that_embeds_nothing(sure: float) -> None:
    found = understand(
        z_image(), PROMPT, "gender", words=["hat"], n=4, n_each=2, recogniser=Plain(sure),
        reference="a photo of a person", vocabulary=["scarf", "cap"], num_inference_steps=2,
    )  # fmt: skip
    assert [one.phrase for one in found.associations] == ["woman", "man", "hat"]
    assert not found.unrelated and not found.clusters and not found.discoveries
    assert all(one.pictures is None and not one.text for one in found.associations)
    assert found.compared == (2 if sure == 1 else 0)
    assert str(found) and found._repr_html_()


def test_known_errors_correct_the_shares(store: Store) -> None:
    found = understand(
        townsfolk.load(), PROMPT, "gender", words=None, unrelated=townsfolk.words("unrelated"),
        errors={"gender": [[90, 10], [0, 100]]}, to=store, n=24, n_each=0, **FAST,
    )  # fmt: skip
    woman = found.of("woman")
    assert woman is not None and woman.detected is not None and woman.corrected is not None
    assert woman.corrected.value == pytest.approx(min(1, woman.detected.value / 0.9))
    assert "corrected" in str(found)


def test_groups_of_the_same_name_are_told_apart() -> None:
    entries = entries_of([as_attribute("race"), as_attribute("wedding_style")], [])
    assert [one.phrase for one in entries if "Indian" in one.phrase] == [
        "Indian (perceived race)", "Indian (wedding style)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"words": ["beret", "Beret"]}, "'beret' twice"),
        ({"words": ["woman"]}, "'woman' twice"),
        ({"words": []}, "at least one"),
        ({"n": 1}, "n=1"),
        ({"n_each": -1}, "n_each=-1"),
        ({"n_each": 1}, "n_each=1"),
        ({"n": 5001}, "n=5001"),
        ({"unrelated": "no such list"}, "no such list"),
        ({"reference": " "}, "expected a text"),
        ({"reference": "a dog", "vocabulary": "no such list"}, "no such list"),
        ({"words": [PhraseList("hats", ("beret",)), "cap"]}, "among lists"),
        ({"words": [PhraseList("hats", ("hat",)), PhraseList("more", ("Hat",))]}, "twice"),
        ({"detector": 5}, "as detector"),
    ],
)
def test_bad_input_is_refused_before_a_picture(change: dict[str, Any], said: str) -> None:
    pipe = tiny_pipeline()
    pipe.unet.forward = None  # no picture can be made
    options = {"words": ["beret"], "n": 2, "n_each": 0, **FAST, **change}
    options["recogniser"] = townsfolk.model_folder() / "recogniser"
    with pytest.raises(UsageError, match=said):
        understand(pipe, PROMPT, "gender", **options)


def test_alternatives_are_an_attribute() -> None:
    hats = PhraseList("hats", ("beret", "cap"), "a photo of {a} {phrase}", kind="alternatives")
    assert hats.attribute.names == ("beret", "cap")
    with pytest.raises(UsageError, match="the kind 'hats'"):
        PhraseList("hats", ("beret",), kind="hats")  # type: ignore[arg-type]


def test_the_command(tmp_path: Path) -> None:
    out = str(tmp_path / "runs")
    found = done("understand", PROMPT, "--quick", "--discover", "--num-inference-steps", "4",
                "--word", "stethoscope", "--out", out)  # fmt: skip
    assert "stethoscope" in found.out and "Report: " in found.out and "Against" in found.out
    refused = trimtab("understand", PROMPT, "--reference", "a photo of a cat", "--out", out)
    assert refused.code == 2 and "--discover" in refused.err
