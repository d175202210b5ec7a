"""`trimtab generate` and `trimtab inspect`: what pictures say, and what repeats them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from diffusers import DDIMScheduler
from PIL import Image

from commands import done, trimtab
from trimtab import townsfolk
from trimtab.generation import generate
from trimtab.interventions import Direction, MeanDifference
from trimtab.latents import CAPTURE_SEEDS, capture
from trimtab.pipelines import load_model
from trimtab.storage.pictures import encode_png

PROMPT = "a photo of a doctor"
FAST = ("--num-inference-steps", 4)
ONE = {"num_inference_steps": 2, "batch_size": 1}


class Learned(NamedTuple):
    """Two directions."""

    woman: Path
    darker: Path


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder, pipe = tmp_path_factory.mktemp("learned"), townsfolk.load()
    files = Learned(folder / "woman.safetensors", folder / "darker.safetensors")
    options = {"num_inference_steps": 4, "batch_size": 4}
    for file, name, towards in zip(
        files, ("gender", "skin tone"), ("woman", "darker"), strict=True
    ):
        samples = capture(pipe, name, CAPTURE_SEEDS[:4], 1, **options)
        MeanDifference(step=1, towards=towards).fit(samples).direction_.save(file)
    return files


def picture_of(store: Path, seed: int) -> Path:
    """The file of a seed in a store that holds but one prompt."""
    (file,) = store.glob(f"images/*/*/*/{seed:06d}.png")
    return file


def test_pictures_carry_what_was_done(learned: Learned, tmp_path: Path) -> None:
    steer = ("--steer", f"{learned.woman}=1", "--steer", f"{learned.woman}=2")
    steer = (*steer, "--steer", f"{learned.darker}=-1.5")
    words = ("--n", 2, "--seed", 7, "--out", tmp_path / "run", *FAST)
    result = done("generate", PROMPT, *steer, *words)
    folder = picture_of(tmp_path / "run", 7).parent
    made, look = result.out.splitlines()
    assert made == f"2 pictures of {PROMPT!r}, seeds 7 to 8, in {folder}"
    command = shlex.split(look.partition(": ")[2])
    assert command[:2] == ["trimtab", "inspect"]
    assert json.loads(done(*command[1:], "--json").out)["seed"] == 7
    woman, darker = Direction.load(learned.woman), Direction.load(learned.darker)
    for seed in (7, 8):
        with Image.open(picture_of(tmp_path / "run", seed)) as picture:
            record = json.loads(picture.text["trimtab"])  # type: ignore[attr-defined]
        assert (record["seed"], record["prompt"]) == (seed, PROMPT)
        assert record["intervention"]["steering"] == (3 * woman - 1.5 * darker).to_dict()
    found = done("generate", PROMPT, *steer, *words, "--json").json
    (spec,) = found["specs"].values()
    assert found["settings"]["num_inference_steps"] == 4
    assert spec["settings"]["num_inference_steps"] == 4
    assert found["seeds"] == [7, 8]
    assert found["store"] == str(tmp_path / "run")


def test_a_picture_says_what_was_done_and_the_command_that_repeats_it(
    learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steer = ("--steer", f"{learned.woman}=3", "--steer", f"{learned.darker}=-1.5")
    words = ("--n", 2, "--seed", 7, "--batch-size", 2, "--out", tmp_path / "run")
    done("generate", PROMPT, *steer, *words, *FAST)
    picture = picture_of(tmp_path / "run", 8)
    facts = done("inspect", picture, "--json").json
    assert (facts["seed"], facts["prompt"]) == (8, PROMPT)
    terms = facts["intervention"]["steering"]["terms"]
    assert [term["strength"] for term in terms] == [3.0, -1.5]
    lines = [line.split(maxsplit=1) for line in done("inspect", picture).out.splitlines()]
    assert lines[:4] == [
        ["prompt", PROMPT],
        ["seed", "8"],
        [
            "steering",
            f"3 × gender: woman ({terms[0]['hash'][:12]}) + "
            f"-1.5 × skin_tone: darker ({terms[1]['hash'][:12]})",
        ],
        ["command", facts["command"]],
    ]
    assert "remark" not in facts
    monkeypatch.chdir(tmp_path)
    done(*shlex.split(facts["command"])[1:])
    assert picture_of(Path("runs/again"), 8).read_bytes() == picture.read_bytes()
    moved = shutil.copy(picture, tmp_path / "moved.png")
    alone = done("inspect", moved, "--json").json
    assert f"FILE-OF-{terms[0]['hash'][:12]}=3.0" in alone["command"]
    assert "is not recorded here" in alone["remark"]


def test_added_words_are_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--add-words", "a woman=1", "--add-words", "a man=2", "--n", 2, "--batch-size", 2)
    done("generate", PROMPT, *words, "--out", tmp_path / "run", *FAST)
    picture = picture_of(tmp_path / "run", 1)
    facts = done("inspect", picture, "--json").json
    assert facts["prompt"] == PROMPT
    monkeypatch.chdir(tmp_path)
    done(*shlex.split(facts["command"])[1:])
    assert picture_of(Path("runs/again"), 1).read_bytes() == picture.read_bytes()


def test_a_store_says_what_it_holds(learned: Learned, tmp_path: Path) -> None:
    steer = ("--steer", f"{learned.woman}=3")
    words = ("--n", 2, "--seed", 8, "--batch-size", 2, "--out", tmp_path / "run", *FAST)
    for prompt, more in ((PROMPT, steer), ("a photo of a nurse", steer), (PROMPT, ())):
        done("generate", prompt, *more, *words)
    facts = done("inspect", tmp_path / "run", "--json").json
    assert facts["threads"] == torch.get_num_threads()
    prompts = [[one["prompt"] for one in spec["pictures"]] for spec in facts["specs"]]
    assert sorted(prompts, key=len) == [[PROMPT], [PROMPT, "a photo of a nurse"]]
    text = done("inspect", tmp_path / "run").out
    for spec in facts["specs"]:
        assert spec["spec"] in text
        for one in spec["pictures"]:
            assert one["seeds"] == [8, 9]
            assert "--seed 8 --n 2 " in one["command"]
            assert one["command"] in text
    assert len(re.findall("^steering +none$", text, re.MULTILINE)) == 1
    assert "{" not in text


def test_there_is_no_command_for_a_model_that_was_changed(tmp_path: Path) -> None:
    pipe = townsfolk.load()
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, eta=1, clip_sample=True)
    generate(pipe, PROMPT, [0], to=tmp_path / "run", **ONE)
    for item in (tmp_path / "run", picture_of(tmp_path / "run", 0)):
        facts = done("inspect", item, "--json").json
        facts = facts["specs"][0]["pictures"][0] if "specs" in facts else facts
        assert facts["no_command"] == "changed after the model was loaded: scheduler"
        assert "command" not in facts


def test_a_prompt_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(townsfolk.load(), "-1 doctor", [0], to=tmp_path / "run", **ONE)
    facts = done("inspect", picture_of(tmp_path / "run", 0), "--json").json
    monkeypatch.chdir(tmp_path)
    done(*shlex.split(facts["command"])[1:])
    one, other = (picture_of(tmp_path / run, 0) for run in ("run", "runs/again"))
    assert one.read_bytes() == other.read_bytes()


def test_a_model_named_as_the_embedded_one_is_told_by_its_place(tmp_path: Path) -> None:
    shutil.copytree(townsfolk.model_folder(), tmp_path / "mine")
    pipe = load_model(tmp_path / "mine", device="cpu")
    generate(pipe, PROMPT, [0], to=tmp_path / "run", **ONE)
    command = done("inspect", picture_of(tmp_path / "run", 0), "--json").json["command"]
    assert f"--model {tmp_path / 'mine'}" in command


def test_one_picture_is_one_picture_wherever_it_is_kept() -> None:
    url = "memory://trimtab-test-one"
    result = done("generate", PROMPT, "--n", 1, "--batch-size", 1, *FAST, "--out", url)
    made, look = result.out.splitlines()
    assert made.startswith(f"1 picture of {PROMPT!r}, seed 0, in {url}/images/")
    assert look.endswith(f"trimtab inspect {url}")


@pytest.mark.parametrize("change", [{"intervention": {"steering": {"terms": [4]}}}, {"seed": "1"}])
def test_a_record_with_wrong_entries_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    generate(townsfolk.load(), PROMPT, [0], to=tmp_path / "run", **ONE)
    with Image.open(picture_of(tmp_path / "run", 0)) as image:
        record = json.loads(image.text["trimtab"]) | change  # type: ignore[attr-defined]
        (tmp_path / "other.png").write_bytes(encode_png(image, record))
    result = trimtab("inspect", tmp_path / "other.png")
    assert result.code == 1
    assert re.match(r"error: got .*other\.png with (an intervention|seed)", result.err)


def test_a_direction_of_another_size_is_resampled_only_when_asked(
    learned: Learned, tmp_path: Path
) -> None:
    words = (
        "generate",
        PROMPT,
        "--n",
        1,
        "--steer",
        f"{learned.woman}=2",
        "--height",
        160,
        "--batch-size",
        1,
        *FAST,
    )
    refused = trimtab(*words, "--out", tmp_path / "a")
    assert refused.code == 2
    assert "--resample" in refused.err
    result = done(*words, "--resample", "--out", tmp_path / "a")
    assert "resampled from (12, 16, 16) to (12, 20, 16)" in result.err
    with Image.open(picture_of(tmp_path / "a", 0)) as picture:
        assert picture.size == (128, 160)
