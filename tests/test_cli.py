"""The commands, on the embedded model with few pictures and steps."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import typer
from diffusers import DDIMScheduler
from PIL import Image

from commands import SOURCE, done, finish, start, trimtab
from trimtab import __version__, townsfolk
from trimtab.cli import app
from trimtab.cli.demo import JOBS, plan_of, rows_of, table
from trimtab.concepts import attribute, attributes
from trimtab.generation import ImageSet, generate
from trimtab.interventions import Direction
from trimtab.latents import CAPTURE_SEEDS, LatentSamples
from trimtab.metrics import AuditFrame
from trimtab.pipelines import load_model
from trimtab.recognition import load_labels

PROMPT = "a photo of a doctor"
FAST = ("--inference-steps", 4)
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


class Work(NamedTuple):
    """Two directions and one audit that several tests look at."""

    woman: Path
    darker: Path
    audit: Path
    frames: list[dict[str, Any]]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    woman, darker = folder / "woman.safetensors", folder / "darker.safetensors"
    learn = ("--n", 4, "--step", 1, *FAST)
    done("learn", "gender", "--towards", "woman", "--out", woman, *learn)
    done("learn", "skin tone", "--towards", "darker", "--out", darker, *learn)
    words = ("-a", "gender", "-a", "age", "--n", 3, "--out", folder / "audit", "--json", *FAST)
    found = done("audit", PROMPT, *words).json
    assert found["prompt"] == PROMPT
    return Work(woman, darker, folder / "audit", found["frames"])


def times(folder: Path) -> dict[str, int]:
    """When each picture was written."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "images").iterdir()}


def test_the_version() -> None:
    assert done("--version").out == f"trimtab {__version__}\n"


def test_without_a_word_there_is_help() -> None:
    assert done().out == done("--help").out
    assert all(command in done().out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    text = done(command, "--help").out
    assert f"Usage: trimtab {command}" in text
    assert "--json" in text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["audit"], 2),
        (["audit", "a photo of a doctor", "-a", "gendr"], 2),
        (["learn", "gender", "--towards", "girl"], 2),
        (["learn", "gender", "--estimator", "magic"], 2),
    ],
)
def test_help_and_wrong_words_load_no_heavy_library(words: list[str], code: int) -> None:
    program = (
        f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\nfrom trimtab.cli import main\n"
        f"try:\n    main({words!r})\n"
        f"except SystemExit as leaving:\n    assert leaving.code == {code}\n"
        "assert not {'torch', 'diffusers', 'transformers', 'sklearn', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=300)


def test_an_audit_keeps_what_it_saw(work: Work) -> None:
    labels = load_labels(work.audit)
    assert list(labels) == ["gender", "age"]
    assert [AuditFrame(one).to_dict() for one in labels.values()] == work.frames
    assert json.loads((work.audit / "audit.json").read_text())["frames"] == work.frames
    assert [frame["n"] for frame in work.frames] == [3, 3]
    assert ImageSet.from_folder(work.audit).seeds == (0, 1, 2)
    assert (work.audit / "report.html").exists()


def test_a_second_audit_goes_on_and_its_table_says_what_json_says(work: Work) -> None:
    before = times(work.audit)
    words = ("-a", "gender", "-a", "age", "--n", 3, "--out", work.audit, *FAST)
    result = done("audit", PROMPT, *words)
    assert times(work.audit) == before
    for frame in work.frames:
        for group, share in frame["by_group"].items():
            row = next(
                line for line in result.out.splitlines() if line.strip().startswith(f"{group} ")
            )
            assert f"{share['value']:.2f}" in row
            assert f"{share['low']:.2f}" in row
            assert f"{share['high']:.2f}" in row
    tables = "\n\n".join(str(AuditFrame(one)) for one in load_labels(work.audit).values())
    assert result.out == tables + "\n"
    assert str(work.audit / "report.html") in result.err.replace("\n", "")


def test_an_audit_of_another_attribute_leaves_the_first_there(work: Work, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(work.audit, tmp_path / "audit"))
    before = times(copy)
    words = ("-a", "skin_tone", "-a", "age", "--n", 3, "--out", copy, "--json", *FAST)
    asked = done("audit", PROMPT, *words).json["frames"]
    assert [frame["attribute"] for frame in asked] == ["skin_tone", "age"]
    assert times(copy) == before
    assert list(load_labels(copy)) == ["gender", "skin_tone", "age"]
    kept = json.loads((copy / "audit.json").read_text())["frames"]
    assert kept == [work.frames[0], *asked]


def test_an_attribute_named_twice_is_looked_at_once() -> None:
    found = done("audit", PROMPT, "-a", "skin tone", "-a", "skin_tone", "--n", 1, "--json", *FAST)
    assert [frame["attribute"] for frame in found.json["frames"]] == ["skin_tone"]


def test_an_audit_of_a_run_that_is_there(work: Work, tmp_path: Path) -> None:
    found = done("audit", "--images", work.audit, "-a", "age", "--json", "--out", tmp_path / "copy")
    assert found.json["prompt"] is None
    assert found.json["frames"] == work.frames[1:]
    assert found.json["settings"]["seeds"] == [0, 1, 2]
    assert ImageSet.from_folder(tmp_path / "copy").prompt == PROMPT


def test_an_audit_of_pictures_made_elsewhere(work: Work, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for file in (work.audit / "images").iterdir():
        Image.open(file).convert("RGB").save(photos / file.name)
    own = ("--recogniser", townsfolk.model_folder() / "recogniser", "--json")
    words = ("audit", "--images", photos, "-a", "gender", *own)
    assert done(*words).json["frames"] == work.frames[:1]
    kept = done(*words, "--out", tmp_path / "kept")
    assert done(*words, "--out", tmp_path / "kept").json == kept.json
    Image.new("RGB", (128, 128)).save(photos / "00001.png")
    other = trimtab(*words, "--out", tmp_path / "kept")
    assert other.code == 1
    assert "made with content" in other.err


def test_a_steered_audit_is_recorded(work: Work, tmp_path: Path) -> None:
    words = ("--steer", f"{work.woman}=2.5", "--n", 2, "--out", tmp_path / "run", *FAST)
    done("audit", PROMPT, *words)
    steering = ImageSet.from_folder(tmp_path / "run").steering
    assert steering == (2.5 * Direction.load(work.woman)).to_dict()


def test_learning_writes_a_direction(work: Work, tmp_path: Path) -> None:
    direction = Direction.load(work.woman)
    facts = direction.provenance
    assert (facts["attribute"], facts["towards"], facts["step"]) == ("gender", "woman", 1)
    assert facts["seeds"] == list(CAPTURE_SEEDS[:4])
    back = tmp_path / "man.safetensors"
    words = ("--n", 4, "--step", 1, "--json", *FAST)
    found = done("learn", "gender", "--towards", "man", "--out", back, *words).json
    assert found["file"] == str(back)
    assert Direction.load(back).cosine(direction) == pytest.approx(-1, abs=1e-5)
    assert [row["step"] for row in found["accuracy_by_step"]] == [1]
    assert found.items() >= Direction.load(back).provenance.items()


def test_without_a_step_the_best_is_taken(tmp_path: Path) -> None:
    file, kept = tmp_path / "d.safetensors", tmp_path / "latents"
    words = ("--on", "doctor", "--estimator", "mean", "--n", 4, "--out", file, "--keep", kept)
    words = (*words, "--inference-steps", 8)  # the fewest that leave a choice
    result = done("learn", "gender", *words)
    steps = LatentSamples.from_folder(kept).steps
    assert len(steps) > 1
    facts = Direction.load(file).provenance
    assert facts["step"] in steps
    assert facts["on"] == ["doctor"]
    assert facts["estimator"] == {"name": "MeanDifference"}
    lines = result.out.splitlines()
    assert [int(line.split()[1]) for line in lines[: len(steps)]] == list(steps)
    assert next(line for line in lines if "chosen" in line).split()[1] == str(facts["step"])
    first = Direction.load(file)
    again = done("learn", "gender", *words)  # from the latents that were kept
    assert "capture" not in again.err
    assert Direction.load(file) == first


def test_pictures_carry_what_was_done(work: Work, tmp_path: Path) -> None:
    steer = ("--steer", f"{work.woman}=1", "--steer", f"{work.woman}=2")
    steer = (*steer, "--steer", f"{work.darker}=-1.5")
    words = ("--n", 2, "--seed", 7, "--out", tmp_path / "run", *FAST)
    result = done("generate", PROMPT, *steer, *words)
    assert "2 pictures" in result.out
    woman, darker = Direction.load(work.woman), Direction.load(work.darker)
    for seed in (7, 8):
        with Image.open(tmp_path / "run" / "images" / f"{seed:05d}.png") as picture:
            record = json.loads(picture.text["trimtab"])  # type: ignore[attr-defined]
        assert (record["seed"], record["prompt"]) == (seed, PROMPT)
        assert record["steering"] == (3 * woman - 1.5 * darker).to_dict()
    settings = done("generate", PROMPT, *steer, *words, "--json").json
    assert settings["num_inference_steps"] == 4
    assert settings["seeds"] == [7, 8]
    assert settings["folder"] == str(tmp_path / "run")


def test_a_picture_says_what_was_done_and_the_command_that_repeats_it(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steer = ("--steer", f"{work.woman}=3", "--steer", f"{work.darker}=-1.5")
    done("generate", PROMPT, *steer, "--n", 2, "--seed", 7, "--out", tmp_path / "run", *FAST)
    picture = tmp_path / "run" / "images" / "00008.png"
    facts = done("inspect", picture, "--json").json
    assert (facts["seed"], facts["prompt"]) == (8, PROMPT)
    assert [term["strength"] for term in facts["steering"]["terms"]] == [3.0, -1.5]
    assert facts["command"] in done("inspect", picture).out
    monkeypatch.chdir(tmp_path)
    done(*shlex.split(facts["command"])[1:])
    with Image.open(picture) as one, Image.open("runs/again/images/00008.png") as other:
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 2
    assert "up to rounding" in facts["remark"]
    whole = done("inspect", tmp_path / "run", "--json").json
    assert "remark" not in whole
    assert whole["settings"]["seeds"] == [7, 8]
    assert "--n 2 " in whole["command"]
    moved = shutil.copy(picture, tmp_path / "moved.png")
    term = facts["steering"]["terms"][0]
    assert f"FILE-OF-{term['hash'][:12]}=3.0" in done("inspect", moved).out


def test_there_is_no_command_for_a_model_that_was_changed(tmp_path: Path) -> None:
    pipe = townsfolk.load()
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, eta=1, clip_sample=True)
    generate(pipe, PROMPT, [0], num_inference_steps=2, to=tmp_path / "run")
    facts = done("inspect", tmp_path / "run", "--json").json
    assert facts["no_command"] == "changed after the model was loaded: scheduler"
    assert "command" not in facts


def test_a_prompt_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(townsfolk.load(), "-1 doctor", [0], num_inference_steps=2, to=tmp_path / "run")
    facts = done("inspect", tmp_path / "run", "--json").json
    monkeypatch.chdir(tmp_path)
    done(*shlex.split(facts["command"])[1:])
    pictures = (
        Image.open(tmp_path / run / "images" / "00000.png") for run in ("run", "runs/again")
    )
    assert np.array_equal(*map(np.asarray, pictures))


def test_a_model_named_as_the_embedded_one_is_told_by_its_place(tmp_path: Path) -> None:
    shutil.copytree(townsfolk.model_folder(), tmp_path / "mine")
    pipe = load_model(tmp_path / "mine", device="cpu")
    generate(pipe, PROMPT, [0], num_inference_steps=2, to=tmp_path / "run")
    command = done("inspect", tmp_path / "run", "--json").json["command"]
    assert f"--model {tmp_path / 'mine'}" in command


def test_a_direction_says_all_that_it_knows(work: Work, tmp_path: Path) -> None:
    facts = done("inspect", work.woman, "--json").json
    direction = Direction.load(work.woman)
    assert facts["sha256"] == direction.hash
    assert facts["provenance"] == direction.provenance
    text = done("inspect", work.woman).out
    for said in ("townsfolk", "stable-diffusion", "a photo of a woman", direction.hash):
        assert said in text
    Image.new("RGB", (8, 8)).save(tmp_path / "foreign.png")
    (tmp_path / "foreign.txt").write_text("x")
    for name in ("foreign.png", "foreign.txt", "missing.png", "."):
        result = trimtab("inspect", tmp_path / name)
        assert result.code == 1
        assert result.err.startswith("error: got ")


def test_a_direction_of_another_size_is_resampled_only_when_asked(
    work: Work, tmp_path: Path
) -> None:
    words = ("generate", PROMPT, "--n", 1, "--steer", f"{work.woman}=2", "--height", 160, *FAST)
    refused = trimtab(*words, "--out", tmp_path / "a")
    assert refused.code == 2
    assert "--resample" in refused.err
    result = done(*words, "--resample", "--out", tmp_path / "a")
    assert "resampled from (12, 16, 16) to (12, 20, 16)" in result.err
    with Image.open(tmp_path / "a" / "images" / "00000.png") as picture:
        assert picture.size == (128, 160)


def test_a_report_can_be_written_again(work: Work, tmp_path: Path) -> None:
    copy = tmp_path / "audit"
    shutil.copytree(work.audit, copy)
    (copy / "report.html").unlink()
    assert str(copy / "report.html") in done("report", copy).out
    assert "<html" in (copy / "report.html").read_text()
    found = done("report", copy, "--out", tmp_path / "else", "--json").json
    assert found == {"report": str(tmp_path / "else" / "report.html")}


def test_models_and_attributes_are_listed() -> None:
    assert "townsfolk" in done("models").out
    models = done("models", "--json").json
    assert models["embedded"] == ["townsfolk"]
    assert "StableDiffusionPipeline" in str(models["families"])
    listed = done("attributes", "--json").json
    assert listed == {name: list(attribute(name).names) for name in attributes()}
    for line, (name, groups) in zip(
        done("attributes").out.splitlines(), listed.items(), strict=True
    ):
        assert line.split(maxsplit=1) == [name, ", ".join(groups)]


def test_seeds_that_were_learned_from_are_remarked_upon(work: Work, tmp_path: Path) -> None:
    words = ("--n", 1, "--seed", CAPTURE_SEEDS.start, "--inference-steps", 1)
    steer = ("--steer", f"{work.woman}=1", "--out", tmp_path / "run")
    result = finish(start("generate", PROMPT, *words, *steer))
    assert result.code == 0
    remarks = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert len(remarks) == 1
    assert "learning or choosing" in remarks[0]


# The demo; it is run elsewhere


@pytest.mark.parametrize("size", JOBS)
def test_the_plans_of_the_demo(size: str) -> None:
    plans = [plan_of(job, size) for job in JOBS[size]]
    assert plans[0].concept == "doctor"
    names = [one.name for one in plans[0].attributes]
    if size == "quick":
        assert (names, plans[0].n) == (["gender"], 40)
    else:
        assert names == ["gender", "skin_tone"]
        assert plans[0].n == {"standard": 100, "full": 200}[size]
    assert {plan.concept for plan in plans} == set(JOBS[size])
    if size == "full":
        assert len(plans) == 3
        assert {plan.controls for plan in plans} == {3}


def arm(share: float | None, ratio: float | None) -> dict[str, Any]:
    """The figures of one set of pictures under one view."""
    ends = [ratio, ratio]
    return {
        "product": {
            "shares": {"woman": share or 0.0, "man": 0.25},
            "share_ci": {"woman": [0.11, 0.89], "man": [0.1, 0.4]},
            "unknown": 0.07,
            "deviation_ratio": ratio,
            "deviation_ratio_ci": ends,
            "noise_floor": 0.08,
            "concept_kept": 0.97,
        }
    }


def test_the_demo_prints_every_arm_even_where_there_is_no_figure() -> None:
    entry = {"prompt": PROMPT, "title": "gender", "towards": "woman", "step": 3, "strength": 5.125}
    entry |= {"n": 40, "plain": arm(0.13, 0.74), "steered": arm(0.52, 0.04)}
    text = table({"results": [entry | {"generic_svm": arm(None, None)}]})
    head, names, plain, steered, generic = text.splitlines()
    assert PROMPT in head
    assert "step 3, strength 5.12 towards 'woman', n = 40" in head
    assert "woman" in names
    assert plain.split()[:3] == ["plain", "product", "0.13"]
    assert "0.74" in plain
    assert steered.split()[2] == "0.52"
    assert generic.startswith("  generic svm")
    assert generic.count("n/a") == 3


def test_the_rows_of_the_demos_picture_say_what_was_added_and_what_was_seen() -> None:
    entry = {"towards": "woman", "attribute": "gender", "strength": 5.125, "n": 40}
    entry |= {"plain": arm(0.13, 0.74), "steered": arm(0.52, 0.04)}
    rows = rows_of([entry])
    assert rows == {
        "plain": "plain; perceived in 40 pictures: 13% women",
        "steered": "noise + 5.1 × woman: 52% women",
    }
    other = entry | {"towards": "man", "attribute": "other", "sum": arm(0.4, 0.2)}
    both = {"sum": arm(0.47, 0.1), "sum_strengths": {"gender": 4.5, "other": 1.25}}
    rows = rows_of([entry | both, other | both])
    assert list(rows) == ["plain", "steered", "sum"]
    assert rows["plain"].endswith("13% women, 25% men")
    assert rows["sum"] == "noise + 4.5 × woman + 1.2 × man: 47% women, 25% men"
