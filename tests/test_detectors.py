"""Detectors in transformers: what they report is what their models say, whatever is beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import tiny_detectors as tiny
from trimtab.errors import ModelError, UsageError
from trimtab.recognition import (
    CaptionDetector,
    GroundingDinoDetector,
    OwlDetector,
    detector_for,
    load_detector,
    release_detector,
)
from trimtab.recognition.captioning import mentioned
from trimtab.recognition.grounding import phrase_scores
from trimtab.storage import as_shown

PARTS: dict[str, Callable[[], Any]] = {
    "owlv2": tiny.owl,
    "owlvit": lambda: tiny.owl("owlvit"),
    "grounding-dino": tiny.grounding_dino,
    "mm-grounding-dino": lambda: tiny.grounding_dino("mm-grounding-dino"),
    "kosmos-2": tiny.kosmos,
}
CLASSES = {
    "owlv2": OwlDetector,
    "owlvit": OwlDetector,
    "grounding-dino": GroundingDinoDetector,
    "mm-grounding-dino": GroundingDinoDetector,
    "kosmos-2": CaptionDetector,
}
PHRASES = ["the tree", "a red car", "dog"]


def wide() -> Image.Image:
    return Image.linear_gradient("L").resize((64, 40)).convert("RGB")


def tall() -> Image.Image:
    return Image.radial_gradient("L").resize((30, 50)).convert("RGB")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny model of a kind, saved when it is first asked for."""
    root, kept = tmp_path_factory.mktemp("detectors"), {}

    def folder(kind: str) -> Path:
        if kind not in kept:
            kept[kind] = tiny.saved(PARTS[kind](), root / kind)
        return kept[kind]

    return folder


@pytest.fixture(scope="module")
def detectors(folders: Callable[[str], Path]) -> Callable[[str], Any]:
    """Return a tiny detector of a kind, loaded when it is first asked for."""
    kept: dict[str, Any] = {}

    def detector(kind: str) -> Any:
        if kind not in kept:
            few = {"longest": 6} if kind == "kosmos-2" else {}
            kept[kind] = load_detector(folders(kind), device="cpu", **few)
        return kept[kind]

    return detector


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    yield
    release_detector()


@pytest.mark.parametrize("kind", PARTS)
def test_a_saved_detector_finds_the_same(
    kind: str, detectors: Callable[[str], Any], folders: Callable[[str], Path]
) -> None:
    loaded = detectors(kind)
    assert type(loaded) is CLASSES[kind] and loaded.name == kind
    few = {"longest": 6} if kind == "kosmos-2" else {}
    own = CLASSES[kind](*PARTS[kind](), **few)
    assert own.fingerprint == loaded.fingerprint
    assert own.detect([wide()], PHRASES) == loaded.detect([wide()], PHRASES)


@pytest.mark.parametrize("kind", ["owlv2", "owlvit", "grounding-dino"])
def test_findings_are_phrases_that_were_asked_in_boxes_within_the_picture(
    kind: str, detectors: Callable[[str], Any]
) -> None:
    for picture in (wide(), tall()):
        (found,) = detectors(kind).detect([picture], PHRASES)
        assert len(found) > 3 and {one.phrase for one in found} <= set(PHRASES)
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True) and scores[0] <= 1
        for _, _, (left, top, right, bottom) in found:
            assert 0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height


@pytest.mark.parametrize("kind", ["owlv2", "grounding-dino"])
def test_neither_other_pictures_nor_the_order_of_phrases_matter(
    kind: str, detectors: Callable[[str], Any]
) -> None:
    detector = detectors(kind)
    first, second = detector.detect([wide(), tall()], PHRASES)
    assert first != second
    assert detector.detect([tall(), wide(), tall()], PHRASES[::-1]) == [second, first, second]
    doubled = ["dog", *PHRASES, "a  red car "]
    assert detector.detect([wide()], doubled) == [first]
    assert detector.detect([], PHRASES) == []


@pytest.mark.parametrize("kind", ["owlv2", "grounding-dino", "kosmos-2"])
def test_a_picture_is_seen_as_a_viewer_shows_it(
    kind: str, detectors: Callable[[str], Any], tmp_path: Path
) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    wide().save(tmp_path / "turned.png", exif=turned)
    half = wide().convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    for picture in (wide().convert("L"), half, Image.open(tmp_path / "turned.png")):
        shown = as_shown(picture)
        found = detectors(kind).detect([picture, shown], PHRASES)
        assert found[0] == found[1]
    assert shown.size == (40, 64)


@pytest.mark.parametrize("kind", ["owlv2", "owlvit"])
def test_owl_reports_what_transformers_would(kind: str, detectors: Callable[[str], Any]) -> None:
    detector, picture = detectors(kind), wide()
    asked = sorted(PHRASES)
    tokens = detector.tokenizer(
        asked, padding="max_length", max_length=tiny.LENGTH, return_tensors="pt"
    )
    pixels = detector.image_processor(images=[picture], return_tensors="pt")
    with torch.inference_mode():
        seen = detector.model(**tokens, **pixels)
    (theirs,) = detector.image_processor.post_process_object_detection(
        seen, threshold=detector.floor, target_sizes=[(picture.height, picture.width)]
    )
    boxes = theirs["boxes"]
    limits = torch.tensor(picture.size * 2)
    boxes = torch.minimum(boxes.clamp(min=0), limits)
    inside = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])  # not in the padding
    order = theirs["scores"][inside].argsort(descending=True, stable=True)
    (ours,) = detector.detect([picture], PHRASES)
    assert len(ours) == len(order)
    labels = theirs["labels"][inside][order]
    for one, score, label, box in zip(
        ours, theirs["scores"][inside][order], labels, boxes[inside][order], strict=True
    ):
        assert one.phrase == asked[label]
        assert one.score == pytest.approx(float(score), abs=1e-5)
        assert one.box == pytest.approx(box.tolist(), abs=1e-3)


def test_owl_embeds_a_phrase_alike_whatever_is_asked_with_it(
    detectors: Callable[[str], Any],
) -> None:
    detector = detectors("owlv2")
    many = [f"{letter} car" for letter in "abcdefghijk"]
    together = detector._queries(many)[0]
    assert torch.equal(detector._queries(["k car"])[0, 0], together[-1])
    assert torch.equal(detector._queries(["a car", "k car"])[0, 1], together[-1])
    assert together.shape == (11, 16) and not torch.equal(together[0], together[1])


def test_grounding_dino_reports_the_boxes_that_transformers_would(
    detectors: Callable[[str], Any],
) -> None:
    from transformers.models.grounding_dino.processing_grounding_dino import GroundingDinoProcessor

    detector = detectors("grounding-dino")
    processor = GroundingDinoProcessor(detector.image_processor, detector.tokenizer)
    inputs = processor(images=wide(), text=[sorted(PHRASES)], return_tensors="pt")
    tokens, spans = detector._text(sorted(PHRASES))
    assert inputs["input_ids"][0].tolist() == tokens
    words = [detector.tokenizer.decode(tokens[span]) for span in spans]
    assert words == sorted(PHRASES)
    with torch.inference_mode():
        seen = detector.model(**inputs)
    (theirs,) = processor.post_process_grounded_object_detection(
        seen, threshold=0.0, target_sizes=[(40, 64)]
    )
    boxes = torch.minimum(theirs["boxes"].clamp(min=0), torch.tensor([64, 40, 64, 40]))
    (ours,) = detector.detect([wide()], PHRASES)
    assert len(ours) > 3
    for one in ours:
        assert (boxes - torch.tensor(one.box)).abs().max(dim=1).values.min() < 1e-3


def test_the_score_of_a_phrase_is_the_mean_over_its_own_tokens() -> None:
    # [CLS] red car . tree . [SEP], as probabilities: a box that is mostly "car", and a tree.
    p = torch.tensor([[0.99, 0.2, 0.6, 0.9, 0.3, 0.9, 0.9], [0.5, 0.1, 0.1, 0.5, 0.8, 0.5, 0.5]])
    scores = phrase_scores(torch.logit(p), [slice(1, 3), slice(4, 5)])
    torch.testing.assert_close(scores, torch.tensor([[0.4, 0.3], [0.1, 0.8]]).double())
    impossible = phrase_scores(torch.full((1, 4), -torch.inf), [slice(1, 2)])
    assert impossible.tolist() == [[0.0]]


def test_a_long_list_of_phrases_is_looked_for_in_several_passes() -> None:
    detector = GroundingDinoDetector(*tiny.grounding_dino(longest=8))
    phrases = ["big car", "cat", "dog", "house", "lantern", "red tree"]
    passes = list(detector._passes(phrases))
    assert [one for some in passes for one in some] == phrases and len(passes) == 3
    (found,) = detector.detect([wide()], phrases)
    for some in passes:
        (alone,) = detector.detect([wide()], some)
        assert [one for one in found if one.phrase in some] == alone
    with pytest.raises(UsageError, match=r"'big red car with wheel of a cat' of 11 tokens.*most 8"):
        detector.detect([wide()], ["cat", "big red car with wheel of a cat"])


def test_stops_do_not_divide_a_phrase(detectors: Callable[[str], Any]) -> None:
    detector = detectors("grounding-dino")
    tokens, (span, _) = detector._text(["a. car?", "cat"])
    assert detector.tokenizer.decode(tokens[span]) == "a car" and tokens.count(1012) == 2
    with pytest.raises(UsageError, match=r"'\?!*\.'; expected at least one word"):
        detector.detect([wide()], ["?."])


def test_owl_refuses_a_phrase_that_it_would_cut(detectors: Callable[[str], Any]) -> None:
    with pytest.raises(UsageError, match=rf"tokens; expected at most {tiny.LENGTH}"):
        detectors("owlv2").detect([wide()], ["a doctor", "doctor " * 20])


@pytest.mark.parametrize("kind", ["owlv2", "grounding-dino"])
@pytest.mark.parametrize(
    ("phrases", "problem"),
    [([], "no phrases for"), ([" "], "an empty phrase"), ("a cat", "the text 'a cat'")],
)
def test_what_cannot_be_looked_for_is_refused(
    kind: str, phrases: Any, problem: str, detectors: Callable[[str], Any]
) -> None:
    with pytest.raises(UsageError, match=problem):
        detectors(kind).detect([wide()], phrases)


def test_what_scores_below_the_floor_is_not_reported(detectors: Callable[[str], Any]) -> None:
    low = detectors("owlv2")
    (every,) = low.detect([wide()], PHRASES)
    middle = every[len(every) // 2].score
    high = OwlDetector(low.model, low.tokenizer, low.image_processor, floor=middle)
    assert high.detect([wide()], PHRASES) == [[one for one in every if one.score >= middle]]
    assert high.fingerprint != low.fingerprint
    nothing = OwlDetector(low.model, low.tokenizer, low.image_processor, floor=1)
    assert nothing.detect([wide()], PHRASES) == [[]]
    with pytest.raises(UsageError, match="floor=2"):
        OwlDetector(low.model, low.tokenizer, low.image_processor, floor=2)


# The example in the documentation of Kosmos-2 in transformers.
SNOWMAN = (
    "<grounding> An image of<phrase> a snowman</phrase><object><patch_index_0044>"
    "<patch_index_0863></object> warming himself by<phrase> a fire</phrase><object>"
    "<patch_index_0005><patch_index_0911></object>."
)


def says(detector: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "caption", lambda picture: text)


def test_a_caption_names_things_and_places(
    detectors: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, picture = detectors("kosmos-2"), Image.new("RGB", (640, 320))
    says(detector, SNOWMAN, monkeypatch)
    snowman = ("snowman", 1.0, (0.390625 * 640, 0.046875 * 320, 0.984375 * 640, 0.828125 * 320))
    fire = ("fire", 1.0, (0.171875 * 640, 0.015625 * 320, 0.484375 * 640, 0.890625 * 320))
    assert sorted(detector.detect([picture], [])[0]) == sorted([snowman, fire])
    # Named as it was asked for.
    (found,) = detector.detect([picture], ["The Snowman", "snowball"])
    assert found == [("The Snowman", 1.0, snowman[2])]
    assert detector.detect([picture], ["snow"]) == [[]]
    several = SNOWMAN.replace(
        "<patch_index_0863>",
        "<patch_index_0863></delimiter_of_multi_objects/><patch_index_0033><patch_index_0033>",
    )
    says(detector, several, monkeypatch)
    boxes = [one.box for one in detector.detect([picture], ["snowman"])[0]]
    assert sorted(boxes) == [(20, 10, 40, 20), snowman[2]]
    for nothing in ("<grounding> An image of", "<grounding> a<object><patch_index_0001></object>"):
        says(detector, nothing, monkeypatch)
        assert detector.detect([picture], []) == [[]]


def test_a_place_without_a_name_or_without_area_is_left_out() -> None:
    things: Any = [
        ("<patch_index_1><patch_index_2>", (0, 0), [(0.0, 0.0, 0.5, 0.5)]),
        ("a cat", (1, 2), [(0.5, 0.5, 0.1, 0.1), (0.0, 0.0, 0.5, 1.0)]),
    ]
    assert mentioned(things, [], (10, 10)) == [("cat", 1.0, (0, 0, 5, 10))]


def test_the_caption_is_what_the_model_generates(
    detectors: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = detectors("kosmos-2")
    assert detector.caption(wide()) == detector.caption(wide())
    asked = {}
    text = "<phrase> a dog</phrase><object><patch_index_0000><patch_index_0033></object>"
    words = detector.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]

    def generate(input_ids: torch.Tensor, **options: Any) -> torch.Tensor:
        asked.update(options)
        return torch.cat([input_ids, words], dim=1)

    monkeypatch.setattr(detector.model, "generate", generate)
    (found,) = detector.detect([Image.new("RGB", (64, 32))], ["dog"])
    assert found == [("dog", 1.0, (1, 0.5, 3, 1.5))]
    config = asked["generation_config"]
    assert (config.do_sample, config.num_beams, config.max_new_tokens) == (False, 1, 6)
    assert asked["image_embeds_position_mask"].sum() == 4  # as many as the model's queries
    assert asked["pixel_values"].shape == (1, 3, tiny.SIZE, tiny.SIZE)


def test_a_tokenizer_without_places_is_refused(detectors: Callable[[str], Any]) -> None:
    detector = detectors("kosmos-2")
    with pytest.raises(ModelError, match="has no <patch_index_1023>"):
        CaptionDetector(detector.model, tiny.bert_tokenizer(), detector.image_processor)
    with pytest.raises(UsageError, match="longest=0"):
        CaptionDetector(detector.model, detector.tokenizer, detector.image_processor, longest=0)


@pytest.mark.parametrize("kind", ["owlv2", "grounding-dino", "kosmos-2"])
def test_a_detector_without_all_its_weights_is_refused(
    kind: str, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(folders(kind), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights[max(weights)]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"the detector .* without '"):
        load_detector(folder, device="cpu")


def test_what_is_no_detector_is_refused(folders: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the detector 'no/such-detector'.*check the name"):
        load_detector("no/such-detector")
    with pytest.raises(ModelError, match=r"without a config.json.*name another folder"):
        load_detector(tmp_path)
    (tmp_path / "detector").mkdir()
    with pytest.raises(ModelError, match="name its folder detector, if you mean it"):
        load_detector(tmp_path)
    other = tmp_path / "clip"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(ModelError, match="a model of type 'clip'; expected the id or folder of an"):
        load_detector(other)
    bare = shutil.copytree(folders("owlv2"), tmp_path / "bare")
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"config.json and weights cannot be loaded"):
        load_detector(bare)


def test_the_detector_of_a_model_is_found_in_its_folder(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    class Pictures(list[Any]):
        model_path = str(tmp_path)

    shutil.copytree(folders("owlv2"), tmp_path / "detector")
    held = detector_for(Pictures())
    assert isinstance(held, OwlDetector) and held.name == f"{tmp_path.name}/detector"
    assert detector_for(Pictures()) is held  # loaded once
    assert detector_for(None, held) is held
    release_detector()
    assert detector_for(Pictures(), device="cpu") is not held
    with pytest.raises(UsageError, match="int as detector"):
        detector_for(Pictures(), 3)  # type: ignore[arg-type]
