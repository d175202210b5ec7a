"""A mitigation's file on the command line: generate, what is recorded, inspect, and again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from commands import done, trimtab
from trimtab.generation import ImageSet
from trimtab.interventions import AddedWords, Direction, Intervention

PROMPT = "a photo of a doctor"
FAST = ("--n", 3, "--num-inference-steps", 2)
WOMAN, DARKER = (
    Direction(Direction.random((12, 16, 16), seed).array, {"name": name, "seeds": [20_000]})
    for seed, name in enumerate(("woman", "darker"))
)
WORDS = AddedWords({"smiling": 1, "with glasses": 1})
DOCTOR = Intervention(3 * WOMAN - 2 * DARKER, WORDS, {"name": "a doctor", "licence": "mit"})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    DOCTOR.save(folder / "doctor.safetensors")
    steer = ("--steer", f"{folder / 'doctor.safetensors'}=0.5")
    done("generate", PROMPT, *steer, *FAST, "--out", folder / "run")
    return folder


def pictures(folder: Path) -> ImageSet:
    return ImageSet.from_store(folder)


def shown(folder: Path, seed: int) -> Any:
    """The picture of a seed, as a hash."""
    return next(one.picture for one in pictures(folder).records if one.seed == seed)


def test_pictures_carry_both_halves(run: Path) -> None:
    records = pictures(run / "run").records
    assert {0, 1, 2} <= {record.seed for record in records}
    for record in records:
        assert Intervention.from_dict(record.intervention, [WOMAN, DARKER]) == DOCTOR / 2


def test_the_printed_command_makes_the_same_pictures(run: Path, tmp_path: Path) -> None:
    (picture,) = (run / "run" / "images").rglob("000001.png")
    found = done("inspect", picture, "--json").json
    assert found["intervention"]["adjustment"] == json.loads(json.dumps(WORDS.to_dict()))
    text = done("inspect", picture).out
    assert f"1.5 × woman ({WOMAN.hash[:12]}) + -1 × darker ({DARKER.hash[:12]})" in text
    assert "prompt changed         words “smiling” 50%" in text
    words = shlex.split(found["command"])
    assert "--add-words=smiling=1.0" in words
    again = [tmp_path / "again" if word == "runs/again" else word for word in words[1:]]
    done(*again)
    assert shown(tmp_path / "again", 1) == shown(run / "run", 1)


def test_words_are_added_beside_directions(run: Path, tmp_path: Path) -> None:
    steer = [file for file in (run / "run" / "directions").iterdir()]
    steer = [f"--steer={file}={1.5 if WOMAN.hash in file.name else -1}" for file in steer]
    words = ("--add-words", "smiling=1", "--add-words", "with glasses=1")
    done("generate", PROMPT, *steer, *words, *FAST, "--out", tmp_path / "run")
    assert shown(tmp_path / "run", 2) == shown(run / "run", 2)
    done("generate", PROMPT, *steer, *FAST, "--out", tmp_path / "noise")
    assert shown(tmp_path / "noise", 2) != shown(run / "run", 2)


def test_words_that_the_command_cannot_say_give_no_command(tmp_path: Path) -> None:
    Intervention(None, AddedWords("smiling", joint=" – ")).save(tmp_path / "x.safetensors")
    steer = ("--steer", tmp_path / "x.safetensors")
    done("generate", PROMPT, *steer, "--n", 1, *FAST[2:], "--out", tmp_path / "run")
    (picture,) = (tmp_path / "run" / "images").rglob("000000.png")
    assert "no option for" in done("inspect", picture, "--json").json["no_command"]


def test_inspect_tells_all_of_a_mitigation(run: Path) -> None:
    facts = done("inspect", run / "doctor.safetensors", "--json").json
    assert (facts["format"], facts["version"]) == ("trimtab-mitigation", "1")
    assert (facts["name"], facts["sha256"]) == ("a doctor", DOCTOR.hash)
    assert facts["provenance"] == DOCTOR.provenance
    assert facts["directions"]["woman"]["sha256"] == WOMAN.hash
    assert {"steering", "adjustment"} <= facts.keys()
    text = done("inspect", run / "doctor.safetensors").out
    assert "along “woman” by 3 and along “darker” by -2 standard deviations" in text
    assert "changes the prompt (words “smiling” 50%" in text
    for said in ("mit", "trimtab-mitigation"):
        assert said in text


def test_a_direction_without_a_strength_is_refused(tmp_path: Path) -> None:
    file = WOMAN.save(tmp_path / "woman.safetensors")
    result = trimtab("generate", PROMPT, "--steer", file, *FAST, "--out", tmp_path / "run")
    assert result.code == 2
    assert "FILE=STRENGTH" in result.err
    assert not (tmp_path / "run").exists()
