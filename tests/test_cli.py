"""The commands, on the embedded model with few pictures and steps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from PIL import Image

from commands import SOURCE, done, finish, start, trimtab
from results import add_pictures, study
from trimtab import __version__, townsfolk
from trimtab.cli import app
from trimtab.cli.demo import JOBS, before_after, label_of, plan_of
from trimtab.concepts import attribute, attributes
from trimtab.interventions import Direction
from trimtab.latents import CAPTURE_SEEDS
from trimtab.storage import Store
from trimtab.workflows import AuditResult

PROMPT = "a photo of a doctor"
FAST = ("--num-inference-steps", 2)
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


class Work(NamedTuple):
    """A direction, and an audit of two attributes, that several tests look at."""

    woman: Path
    audit: Path
    result: AuditResult


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    woman = folder / "woman.safetensors"
    done("learn", "gender", "--towards", "woman", "--out", woman, "--n", 4, "--step", 1, *FAST)
    words = ("-a", "gender", "-a", "age", "--n", 4, "--batch-size", 4, "--out", folder / "audit")
    done("audit", PROMPT, *words, *FAST)
    return Work(woman, folder / "audit", AuditResult.load(folder / "audit"))


def times(store: Path) -> dict[str, int]:
    """When each picture was written."""
    return {str(file): file.stat().st_mtime_ns for file in store.rglob("*.png")}


def figures(found: Any) -> list[Any]:
    """The figures of each attribute in an audit's JSON."""
    return list(found["views"][0]["figures"])


# Start


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


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_whole_on_a_narrow_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = done(command, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    program = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    assert all(name in text for one in program.params for name in one.opts)
    assert not re.search(rf"^  {command} .*\.\.\.$", done("--help").out, re.MULTILINE)


def test_the_package_runs_as_a_module() -> None:
    program = [sys.executable, "-m", "trimtab", "--version"]
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    result = subprocess.run(program, check=True, capture_output=True, text=True, env=env)
    assert result.stdout == f"trimtab {__version__}\n"


HEAVY = {"torch", "diffusers", "transformers", "sklearn", "numpy", "scipy", "pyarrow"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["mitigate", "--help"], 0),
        (["attributes"], 0),
        (["audit"], 2),
        (["audit", PROMPT, "-a", "gendr"], 2),
        (["audit", PROMPT, "--target", "woman=2"], 2),
        (["mitigate", PROMPT, "--n", "1"], 2),
        (["learn", "gender", "--towards", "girl"], 2),
        (["learn", "gender", "--estimator", "magic"], 2),
        (["generate", PROMPT, "--batch-size", "0"], 2),
    ],
)
def test_help_and_wrong_words_load_no_heavy_library(words: list[str], code: int) -> None:
    program = (
        f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\nfrom trimtab.cli import main\n"
        f"try:\n    main({words!r})\n"
        f"except SystemExit as leaving:\n    assert leaving.code == {code}\n"
        f"found = {HEAVY!r} & set(sys.modules)\nassert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=300)


@pytest.mark.parametrize(
    "words",
    [
        ["mitigate", PROMPT, "--precision", "2"],
        ["mitigate", PROMPT, "-a", "monk_tone"],
        ["mitigate", PROMPT, "--n-dose", "0"],
        ["audit", PROMPT, "--steer", "x=nan"],
        ["generate", PROMPT, "--add-words", ""],
        ["generate", PROMPT, "--out", "nowhere://x"],
    ],
)
def test_what_can_be_refused_is_refused_before_torch_is_loaded(words: list[str]) -> None:
    program = (
        f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\nfrom trimtab.cli import main\n"
        f"try:\n    main({words!r})\n"
        "except SystemExit as leaving:\n    assert leaving.code == 2\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=300)


# Audits


def test_an_audit_keeps_what_it_saw(work: Work) -> None:
    assert (work.result.n, work.result.prompts) == (4, (PROMPT,))
    (view,) = work.result.views
    assert [one.attribute for one in view.figures] == ["gender", "age"]
    (both,) = view.intersections
    assert both.attribute == "gender × age"
    assert len(both.groups) == 4
    images = work.result.pictures()
    assert [one.seed for one in images.records] == [0, 1, 2, 3]
    assert (work.audit / "reports" / work.result.name / "report.html").is_file()


def test_a_second_audit_goes_on_and_makes_only_what_is_missing(work: Work, tmp_path: Path) -> None:
    store = Path(shutil.copytree(work.audit, tmp_path / "audit"))
    before = times(store)
    words = ("-a", "gender", "-a", "age", "--batch-size", 4, "--out", store, *FAST)
    again = done("audit", PROMPT, *words, "--n", 4)
    assert times(store) == before
    assert again.out.startswith(str(work.result))
    assert str(store / "reports" / work.result.name / "report.html") in again.out
    more = done("audit", PROMPT, *words, "--n", 8, "--json").json
    assert more["n"] == 8
    assert [one["n"] for one in figures(more)] == [8, 8]
    after = times(store)
    assert len(after) == 8
    assert before.items() <= after.items()
    done("audit", PROMPT, "-a", "skin_tone", *words[4:], "--n", 8)  # another question
    assert times(store) == after
    assert len(Store(store).results()) == 3


def test_json_says_what_the_table_says(work: Work) -> None:
    words = ("-a", "gender", "-a", "age", "--batch-size", 4, "--n", 4, *FAST)
    found = done("audit", PROMPT, *words, "--out", work.audit, "--json").json
    assert found == work.result.to_dict()
    for one in figures(found):
        for group, share in one["shares"].items():
            row = next(
                line
                for line in str(work.result).splitlines()
                if line.strip().startswith(f"{group} ")
            )
            for end in ("value", "low", "high"):
                assert f"{share[end]:.2f}" in row


def test_an_attribute_named_twice_is_looked_at_once() -> None:
    found = done("audit", PROMPT, "-a", "skin tone", "-a", "skin_tone", "--n", 1, "--json", *FAST)
    assert [one["attribute"] for one in figures(found.json)] == ["skin_tone"]


def test_an_audit_of_several_prompts(tmp_path: Path) -> None:
    prompts = ("医者の写真", "a photo of a nurse")
    file = tmp_path / "prompts.txt"
    file.write_text("\ufeff# mine\n" + "\n".join(prompts) + "\n", encoding="utf-8")
    words = ("--prompts", file, "--n", 2, "--out", tmp_path / "store", "--batch-size", 2, *FAST)
    found = done("audit", *words, "--json").json
    assert (found["prompts"], found["n"]) == (list(prompts), 4)
    assert list(found["by_prompt"]) == list(prompts)
    made = done("generate", *words, "--json").json  # from the same store: they are there
    assert made["prompts"] == list(prompts)
    assert len(times(tmp_path / "store")) == 4


def test_a_target_is_printed_with_its_source() -> None:
    words = ("-a", "gender", "-a", "skin_tone", "--n", 1, *FAST)
    target = ("--target", "woman=0.3", "--target", "Darker=0.25", "--target-source")
    text = done("audit", PROMPT, *words, *target, "our town, 2025").out
    assert "woman 0.3, man 0.7 (our town, 2025)" in text
    assert "lighter 0.75, darker 0.25 (our town, 2025)" in text
    found = done("audit", PROMPT, *words, *target, "a", "--target-source", "b", "--json").json
    assert [one["target"]["source"] for one in figures(found)] == ["a", "b"]
    three = ("--target", "monk 1=0.1,monk 2=0.9")
    assert trimtab("audit", PROMPT, "-a", "monk_tone", *three).code == 2


def test_an_audit_of_pictures_made_elsewhere(work: Work, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for image, record in zip(work.result.pictures(), work.result.pictures().records, strict=True):
        image.save(photos / f"{record.seed}.png")
    own = ("--recogniser", townsfolk.model_folder() / "recogniser", "--json")
    words = ("audit", "--images", photos, "-a", "gender", *own)
    found = done(*words).json
    expected = work.result.to_dict()["views"][0]["figures"][0]
    assert figures(found) == [expected]
    kept = done(*words, "--out", tmp_path / "kept")
    assert done(*words, "--out", tmp_path / "kept").json == kept.json
    assert not times(tmp_path / "kept" / "images")


def test_a_steered_audit_is_recorded(work: Work, tmp_path: Path) -> None:
    words = ("--steer", f"{work.woman}=2.5", "--add-words", "smiling", "--n", 2, *FAST)
    done("audit", PROMPT, *words, "--out", tmp_path / "run")
    result = AuditResult.load(tmp_path / "run")
    assert result.intervention["steering"] == (2.5 * Direction.load(work.woman)).to_dict()
    assert "smiling" in str(result.intervention["adjustment"])
    assert f"--steer {work.woman}=2.5 --add-words smiling" in result.command


def test_a_prompt_may_begin_with_a_dash(tmp_path: Path) -> None:
    done("audit", "--n", 1, "--out", tmp_path / "run", *FAST, "--", "-1 doctor")
    result = AuditResult.load(tmp_path / "run")
    assert result.prompts == ("-1 doctor",)
    assert result.command.endswith("-- '-1 doctor'")


def test_a_store_elsewhere_takes_all_but_the_report(tmp_path: Path) -> None:
    url = "memory://trimtab-test-cli"
    result = done("audit", PROMPT, "--n", 1, "--out", url, *FAST)
    (name,) = Store(url).results()
    assert f"trimtab report {url} {name} --out FOLDER" in result.out
    found = done("report", url, name, "--out", tmp_path / "page", "--json").json
    assert found == {"report": str(tmp_path / "page" / "report.html")}
    assert "<html" in (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert name in done("inspect", url).out


# Directions


def test_learning_writes_a_direction(work: Work, tmp_path: Path) -> None:
    direction = Direction.load(work.woman)
    facts = direction.provenance
    assert (facts["attribute"], facts["towards"], facts["step"]) == ("gender", "woman", 1)
    assert facts["seeds"] == list(CAPTURE_SEEDS[:4])
    back = tmp_path / "man.safetensors"
    words = ("--n", 4, "--step", 1, "--json", "--licence", "cc-by-4.0", *FAST)
    found = done("learn", "gender", "--towards", "man", "--out", back, *words).json
    assert found["file"] == str(back)
    assert Direction.load(back).cosine(direction) == pytest.approx(-1, abs=1e-5)
    assert Direction.load(back).provenance["licence"] == "cc-by-4.0"
    assert [row["step"] for row in found["learned"]["accuracies"]] == [1]
    assert found["learned"]["hash"] == Direction.load(back).hash


def test_without_a_step_the_best_is_taken(tmp_path: Path) -> None:
    file, kept = tmp_path / "d.safetensors", tmp_path / "latents"
    words = ("--on", "doctor", "--estimator", "mean", "--n", 4, "--out", file, "--keep", kept)
    words = (*words, "--num-inference-steps", 8)  # the fewest that leave a choice
    result = done("learn", "gender", *words)
    direction = Direction.load(file)
    facts = direction.provenance
    assert facts["on"] == ["doctor"]
    assert facts["estimator"] == {"name": "MeanDifference"}
    steps = [line.split()[1] for line in result.out.splitlines() if line.startswith("step")]
    assert len(steps) > 1
    assert str(facts["step"]) in steps
    assert "chosen" in result.out
    assert str(file) in result.out
    again = done("learn", "gender", *words)  # from the latents that were kept
    assert "capture" not in again.err
    assert again.out == result.out
    assert Direction.load(file) == direction


def test_a_direction_says_all_that_it_knows(work: Work, tmp_path: Path) -> None:
    facts = done("inspect", work.woman, "--json").json
    direction = Direction.load(work.woman)
    assert facts["sha256"] == direction.hash
    assert facts["provenance"] == direction.provenance
    text = done("inspect", work.woman).out
    for said in ("townsfolk", "stable-diffusion", "a photo of a woman", direction.hash):
        assert said in text


def test_inspect_says_what_it_takes(tmp_path: Path) -> None:
    for suffix in ("png", "jpg", "webp"):
        file = tmp_path / f"foreign.{suffix}"
        Image.new("RGB", (8, 8)).save(file)
        result = trimtab("inspect", file)
        assert (result.code, result.out) == (1, "")
        assert f"got picture {file} without a record" in result.err
    (tmp_path / "foreign.py").write_text("import this")
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    for name in ("foreign.py", "cut.safetensors", "missing.png", "missing"):
        result = trimtab("inspect", tmp_path / name)
        assert (result.code, result.out) == (1, "")
        assert "expected a direction or mitigation" in result.err
        assert "a picture of trimtab or ComfyUI, or a store" in result.err
        for jargon in ("codec", "Expecting value", "Errno"):
            assert jargon not in result.err
    assert "store.json" in trimtab("inspect", tmp_path).err


def test_seeds_that_were_learned_from_are_remarked_upon(work: Work, tmp_path: Path) -> None:
    words = ("--n", 1, "--seed", CAPTURE_SEEDS.start, *FAST)
    steer = ("--steer", f"{work.woman}=1", "--out", tmp_path / "run")
    result = finish(start("generate", PROMPT, *words, *steer))
    assert result.code == 0
    remarks = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert len(remarks) == 1
    assert "learning or choosing" in remarks[0]


# Reports and lists


def test_a_report_can_be_written_again(work: Work, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(work.audit, tmp_path / "audit"))
    assert str(copy / "report.html") in done("report", copy).out
    first = (work.audit / "reports" / work.result.name / "report.html").read_bytes()
    assert (copy / "report.html").read_bytes() == first
    found = done("report", copy, "--out", tmp_path / "else", "--json").json
    assert found == {"report": str(tmp_path / "else" / "report.html")}
    assert (tmp_path / "else" / "report.html").read_bytes() == first


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


# The demo; it is run elsewhere


@pytest.mark.parametrize("size", JOBS)
def test_the_plans_of_the_demo(size: str) -> None:
    plans = [plan_of(job, size) for job in JOBS[size]]
    names = [one.name for one in plans[0].steered]
    expected = {"quick": (["gender"], 40), "standard": (["gender", "skin_tone"], 100)}
    expected["full"] = (["gender", "skin_tone"], 200)
    assert (names, plans[0].n) == expected[size]
    assert [plan.contrast for plan in plans] == [(job,) for job in JOBS[size]]
    for plan in plans:
        assert (plan.precision, plan.generic) == (None, True)
        assert plan.controls == (3 if size == "full" else 1)
        watched = {one.name for one in plan.watched}
        assert {"age", "glasses"} <= watched
        assert ("skin_tone" in watched) == (size == "quick")


def test_the_demos_picture_says_what_was_added_and_what_was_seen(tmp_path: Path) -> None:
    store, result = Store(tmp_path / "store"), study()
    hashes = {"gender": "aa" * 32, "skin_tone": "bb" * 32}
    given = {"single": {"gender": 3.44}, "sum": {"gender": 3.1, "skin_tone": 1.5}}
    arms = []
    for arm in result.arms:
        strengths = given.get(arm.role, {})
        terms = [{"hash": hashes[a], "strength": s} for a, s in strengths.items()]
        done_to = {"steering": {"terms": terms}, "adjustment": None}
        arms.append(replace(arm, intervention=done_to))
    attributes = (
        replace(one, learned=replace(one.learned, hash=hashes[one.learned.attribute]))
        for one in result.attributes
    )
    result = replace(result, arms=tuple(arms), attributes=tuple(attributes)).save(store)
    plain, single, both = (label_of(result, arms[i].name) for i in (0, 1, 3))
    assert re.fullmatch(r"plain; perceived in 20 pictures: \d+% women, \d+% darker", plain)
    assert re.fullmatch(r"noise \+ 3\.4 × woman: \d+% women", single)
    assert re.fullmatch(r"noise \+ 3\.1 × woman \+ 1\.5 × darker: \d+% women, \d+% darker", both)
    add_pictures(store, result)
    before_after(result, tmp_path / "strip.png")
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.width >= 8 * 16
        assert strip.height >= 3 * 16  # plain, gender, both
