"""The embedded model with its recogniser and its oracle: real weights, real pictures."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import trimtab as tt
from commands import done
from trimtab import townsfolk
from trimtab.cli.demo import commands_of, python_of
from trimtab.concepts import attribute, concept_pack
from trimtab.generation import ImageSet, generate
from trimtab.recognition import classify
from trimtab.townsfolk import BiasCard
from trimtab.townsfolk.render import draw
from trimtab.workflows import Plan, mitigate

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
    found = townsfolk.judge(drawings.images)[name].names
    assert (found == getattr(drawings, name)).mean() >= bar


@pytest.mark.parametrize("name", ["gender", "skin_tone"])
def test_the_recogniser_knows_fresh_drawings(drawings: Drawings, name: str) -> None:
    found = classify(drawings.images, attribute(name), RECOGNISER).names
    assert (found == getattr(drawings, name)).mean() >= 0.93


def test_the_recogniser_tells_concepts(drawings: Drawings) -> None:
    named = drawings.concept != "person"  # which is what every other concept also is
    labels = classify(drawings.images, concept_pack("townsfolk"), RECOGNISER)
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
        assert (found[name].names == group).sum() >= 17  # of 20, where 19 are expected


def test_seeds_give_different_pictures_and_the_same_again(pipe: Any) -> None:
    first, second = (generate(pipe, "a photo of a chef", [1, 2]) for _ in range(2))
    for one, again in zip(first, second, strict=True):
        assert np.array_equal(one, again)
        assert np.asarray(one).std() > 20
    assert np.abs(np.asarray(first[0], int) - np.asarray(first[1], int)).mean() > 10


class Study(NamedTuple):
    """A small study of doctors on the embedded model."""

    folder: Path
    plan: Plan
    entries: list[dict[str, Any]]


@pytest.fixture(scope="module")
def study(pipe: Any, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Mitigate gender and skin tone of doctors with few pictures."""
    plan = Plan(
        "a photo of a doctor",
        (attribute("gender"), attribute("skin_tone")),
        n=24,
        n_capture=16,
        n_dose=20,
        generic=False,
    )
    folder = tmp_path_factory.mktemp("embedded")
    return Study(folder, plan, mitigate(pipe, plan, to=folder, judge=townsfolk.judge))


@pytest.mark.parametrize(("row", "strength"), [(0, 4), (1, 2)])
def test_steering_moves_what_it_aims_at_and_keeps_the_concept(
    pipe: Any, study: Study, row: int, strength: float
) -> None:
    entry = study.entries[row]
    name, towards = entry["attribute"], entry["towards"]
    direction = tt.Direction.load(study.folder / entry["direction"]["file"])
    plain, steered, random = (
        townsfolk.judge(generate(pipe, study.plan.prompt, range(30), steer, batch_size=10))
        for steer in (
            None,
            strength * direction,
            strength * tt.Direction.random(direction.shape, seed=1),
        )
    )
    shares = [(found[name].names == towards).mean() for found in (plain, steered, random)]
    assert shares[1] >= shares[0] + 0.25
    assert abs(shares[2] - shares[0]) <= 0.15
    assert (steered["concept"].names == "doctor").mean() >= 0.9


def test_the_commands_of_the_report_steer_alike(study: Study, tmp_path: Path) -> None:
    base, job = study.folder.parent, study.folder.name
    entries = [entry | {"folder": job} for entry in study.entries]
    demo, *lines = map(shlex.split, commands_of(entries, "quick", base).splitlines())
    assert demo == ["trimtab", "demo", "--quick", "--out", str(base)]
    for words, entry in zip(lines, entries, strict=True):
        name = entry["attribute"]
        done(*words[1:-1], tmp_path / name, "--n", 2)  # its last word is where to
        again, first = (
            ImageSet.from_folder(place)
            for place in (tmp_path / name, study.folder / entry["pictures"]["steered"])
        )
        assert again.steering == first.steering
        for one, other in zip(again, first[:2], strict=True):
            assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 2


def test_the_readme_names_the_settings_of_the_model() -> None:
    own = json.loads((townsfolk.model_folder() / "trimtab.json").read_text())
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"num_inference_steps=(\S+), guidance_scale=([\d.]+)", readme)
    assert found is not None
    assert [float(number) for number in found.groups()] == [
        own["num_inference_steps"],
        own["guidance_scale"],
    ]


def test_the_recipe_in_python_gives_the_same_shares(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[tt.AuditFrame] = []
    monkeypatch.setattr("builtins.print", frames.append)
    exec(python_of(study.entries, study.plan), {})
    first = study.entries[0]
    for frame, arm in zip(frames, ("plain", "steered"), strict=True):
        shares = {group: share.value for group, share in frame.by_group.items()}
        assert shares == first[arm]["product"]["shares"]
