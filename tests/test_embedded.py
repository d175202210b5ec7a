"""The embedded model with its recogniser and its oracle: real weights, real pictures."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import trimtab as tt
from trimtab import townsfolk
from trimtab.concepts import attribute, concept_pack
from trimtab.generation import generate
from trimtab.pipelines import latent_spec
from trimtab.recognition import Observations, average_precision, classify
from trimtab.townsfolk import BiasCard
from trimtab.townsfolk.render import draw, picture

RECOGNISER = townsfolk.model_folder() / "recogniser"


@pytest.fixture(scope="module")
def pipe() -> Any:
    """The embedded pipeline."""
    return townsfolk.load()


class Drawings(NamedTuple):
    """Fresh drawings and who is in them."""

    images: list[Image.Image]
    concept: np.ndarray
    gender: np.ndarray
    skin_tone: np.ndarray


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    """Draw 120 people of all concepts, from seeds that no training has seen."""
    card, rng = BiasCard.load(), np.random.default_rng(987_654)
    people = [card.person(card.concept(rng), rng) for _ in range(120)]
    facts = zip(*((p.concept, p.gender, p.skin) for p in people), strict=True)
    return Drawings([draw(person, rng) for person in people], *map(np.array, facts))


@pytest.mark.parametrize(
    ("name", "bar"), [("concept", 0.98), ("gender", 0.95), ("skin_tone", 0.95)]
)
def test_the_oracle_knows_fresh_drawings(drawings: Drawings, name: str, bar: float) -> None:
    found = townsfolk.judge(drawings.images).labels(name).names
    assert (found == getattr(drawings, name)).mean() >= bar


SCENES = {
    "home": ("scene", "wealth", "country", "house", "gender", "skin_tone"),
    "wedding": ("scene", "wedding_culture", "couple"),
    "bird": ("scene", "concept", "bird", "bird_background", "landscape"),
}


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[Any]]:
    """Draw 60 homes, weddings and birds, from seeds that no training has seen."""
    card, rng = BiasCard.load(), np.random.default_rng(987_655)
    return {name: [card.subject(name, rng) for _ in range(60)] for name in SCENES}


@pytest.mark.parametrize(
    ("scene", "name"), [(scene, name) for scene, names in SCENES.items() for name in names]
)
def test_the_oracle_knows_fresh_drawings_of_scenes(
    scenes: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch, scene: str, name: str
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    truth = importlib.import_module("recipes.townsfolk.oracle").shown
    fact = importlib.import_module("recipes.townsfolk.common").Fact
    rng = np.random.default_rng(987_656)
    images = [draw(subject, rng) for subject in scenes[scene]]
    found = townsfolk.judge(images).labels(name).names
    wanted = [truth(fact(scene, subject, (), ()))[name] for subject in scenes[scene]]
    assert (found == np.array(wanted)).mean() >= 0.9


def test_the_oracle_says_nothing_of_what_a_scene_cannot_show(drawings: Drawings) -> None:
    found = townsfolk.judge(drawings.images[:20])
    assert set(found.labels("wealth").names) == {"unknown"}
    assert "unknown" not in found.labels("gender").names


@pytest.mark.parametrize("name", ["gender", "skin_tone"])
def test_the_recogniser_knows_fresh_drawings(drawings: Drawings, name: str) -> None:
    found = classify(drawings.images, attribute(name), RECOGNISER).labels().names
    assert (found == getattr(drawings, name)).mean() >= 0.93


def test_the_recogniser_tells_concepts(drawings: Drawings) -> None:
    named = drawings.concept != "person"  # which is what every other concept also is
    labels = classify(drawings.images, concept_pack("townsfolk"), RECOGNISER).labels()
    assert (labels.names == drawings.concept)[named].mean() >= 0.93


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a photo of a woman doctor", {"concept": "doctor", "gender": "woman"}),
        ("a photo of a man nurse", {"concept": "nurse", "gender": "man"}),
        ("a photo of a dark-skinned pilot", {"concept": "pilot", "skin_tone": "darker"}),
        ("a photo of a light-skinned chef", {"concept": "chef", "skin_tone": "lighter"}),
    ],
)
def test_a_prompt_is_obeyed(pipe: Any, prompt: str, shown: dict[str, str]) -> None:
    found = townsfolk.judge(generate(pipe, prompt, range(500, 520), batch_size=10))
    for name, group in shown.items():
        assert (found.labels(name).names == group).sum() >= 17  # of 20, where 19 are expected


def test_seeds_give_different_pictures_and_the_same_again(pipe: Any) -> None:
    first, second = (generate(pipe, "a photo of a chef", [1, 2]) for _ in range(2))
    for one, again in zip(first, second, strict=True):
        assert np.array_equal(one, again)
        assert np.asarray(one).std() > 20
    assert np.abs(np.asarray(first[0], int) - np.asarray(first[1], int)).mean() > 10


@pytest.fixture(scope="module")
def unaimed(pipe: Any) -> list[Observations]:
    """Doctors from unsteered noise, and from noise moved at random, as the oracle sees them."""
    spec = latent_spec(pipe)
    return [
        townsfolk.judge(generate(pipe, "a photo of a doctor", range(30), steer))
        for steer in (None, 4 * tt.Direction.random(spec.shape, seed=1))
    ]


@pytest.mark.parametrize(
    ("name", "towards", "strength"), [("gender", "woman", 4), ("skin_tone", "darker", 2)]
)
def test_steering_moves_what_it_aims_at_and_keeps_the_concept(
    pipe: Any, unaimed: list[Observations], tmp_path: Path, name: str, towards: str, strength: float
) -> None:
    learned = tt.learn(pipe, name, towards=towards, on="doctor", n=16, to=tmp_path)
    steer = strength * learned.direction
    steered = townsfolk.judge(generate(pipe, "a photo of a doctor", range(30), steer))
    plain, random, moved = (
        (found.labels(name).names == towards).mean() for found in (*unaimed, steered)
    )
    assert moved >= plain + 0.25
    assert abs(random - plain) <= 0.15
    assert (steered.labels("concept").names == "doctor").mean() >= 0.9


def test_the_readme_names_the_settings_of_the_model() -> None:
    own = json.loads((townsfolk.model_folder() / "trimtab.json").read_text())
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"num_inference_steps=(\S+), guidance_scale=([\d.]+)", readme)
    assert found is not None
    assert [float(number) for number in found.groups()] == [
        own["num_inference_steps"],
        own["guidance_scale"],
    ]


def test_the_detector_finds_what_is_drawn() -> None:
    card, rng = BiasCard.load(), np.random.default_rng(987_657)
    drawn = [picture(card.subject(card.scene(rng), rng), rng) for _ in range(120)]
    true = [[(thing.name, thing.box) for thing in one.objects] for one in drawn]
    detector = townsfolk.load_detector()
    found = detector.detect([one.image for one in drawn])
    assert np.mean(list(average_precision(found, true).values())) >= 0.8
    (only,) = detector.detect([drawn[0].image], ["stethoscope"])
    assert {one.phrase for one in only} <= {"stethoscope"}


@pytest.mark.parametrize(
    ("size", "phrase", "message"),
    [(128, "unicorn", "'unicorn'"), (64, "car", "64")],
)
def test_the_detector_refuses_what_it_does_not_know(size: int, phrase: str, message: str) -> None:
    with pytest.raises(tt.errors.UsageError, match=message):
        townsfolk.load_detector().detect([Image.new("RGB", (size, size))], [phrase])
