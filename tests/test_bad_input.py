"""What goes wrong on the command line: one clear line, an exit code, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from commands import Done, done, finish, start, trimtab
from trimtab import townsfolk
from trimtab.cli import app
from trimtab.cli.entry import KEEPING
from trimtab.generation import ImageSet
from trimtab.interventions import Direction
from trimtab.latents import LatentSamples
from trimtab.recognition import classify
from trimtab.storage import Store

PROMPT = "a photo of a doctor"
UNET = json.loads((townsfolk.model_folder() / "unet" / "config.json").read_text())
SHAPE = (UNET["in_channels"], UNET["sample_size"], UNET["sample_size"])
OTHER = (4, 64, 64)  # Stable Diffusion's
FAST = ("--num-inference-steps", 2)


def refused(result: Done, code: int, *parts: str) -> None:
    """Check that a command failed as it should: one line, saying what it must."""
    lines = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.err
    assert result.err.endswith(lines[0] + "\n")
    assert re.fullmatch(r"error: got .+; expected .+; .+", lines[0])
    assert "Traceback" not in result.err + result.out
    for part in parts:
        assert part in lines[0]
    assert result.code == code


def alone(result: Done) -> Done:
    """Check that the error is all that was said."""
    assert result.out == ""
    assert result.err.count("\n") == 1
    return result


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, so that default outputs are new."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIMTAB_DEBUG", raising=False)


# Wrong words


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("bogus",), ("no such command 'bogus'", "see trimtab --help")),
        (("--bogus",), ("--bogus", "see trimtab --help")),
        (("audit", "--bogus", "x"), ("expected an option of trimtab audit; see trimtab audit",)),
        (("audit", "x", "--promt", "y"), ("an option of trimtab audit, perhaps --prompts;",)),
        (("generate",), ("no prompt", "a prompt, --prompts")),
        (("audit", "a", "b"), ("got unexpected", "see trimtab audit --help")),
        (("audit", "x", "--n"), ("option '--n' requires", "see trimtab audit --help")),
        (("audit", "x", "--n", "many"), ("'many' for '--n'; expected a valid integer; see",)),
        (("audit", "x", "--n=0"), ("'0' for '--n'; expected a number", "1; see trimtab audit")),
        (("audit", "x", "--n", "nan"), ("--n",)),
        (("audit", "x", "--n", "2.5"), ("--n",)),
        (("audit", "x", "--num-inference-steps", "inf"), ("--num-inference-steps",)),
        (("audit", "x", "--guidance-scale", "high"), ("--guidance-scale",)),
        (("audit",), ("no prompt", "a prompt, --prompts or --images")),
        (("mitigate", "x", "--prompts", "y"), ("a prompt and --prompts",)),
        (("report",), ("missing argument", "see trimtab report --help")),
        (("audit", "x", "--images", "y"), ("a prompt and --images",)),
        (("audit", "--images", "y", "--steer", "d=1"), ("--images and --steer",)),
        (("demo", "--quick", "--full"), ("--quick and --full",)),
        (("learn", "gender", "--estimator", "magic"), ("'magic'", "mean, svm, logistic")),
    ],
)
def test_wrong_use_is_told_in_one_line(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    refused(alone(trimtab(*words)), 2, *parts)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("audit", PROMPT, "-a", "charm"), ("'charm'", "gender")),
        (("learn", "charm"), ("'charm'", "gender")),
        (("learn", "gender", "--towards", "girl"), ("'girl'", "woman, man")),
        (("learn", "monk_tone"), ("10 groups and no --towards", "monk 1")),
        (("generate", ""), ("'' in the prompts",)),
        (("generate", "  "), ("prompt",)),
        (("audit", ""), ("'' in the prompts",)),
        (("learn", "gender", "--on", ""), ()),
        (("audit", PROMPT, "--n", 0), ("'0' for '--n'",)),
        (("generate", PROMPT, "--n", -3), ("'-3' for '--n'",)),
        (("generate", PROMPT, "--n", 10**9), ("'1000000000' for '--n'",)),
        (("learn", "gender", "--n", 1), ("'1' for '--n'",)),
        (("generate", PROMPT, "--seed", -1), ("'-1' for '--seed'",)),
        (("generate", PROMPT, "--seed", 2**63), (f"seed {2**63}",)),
        (("generate", PROMPT, "--num-inference-steps", 0), ("'0' for '--num-inference-steps'",)),
        (("generate", PROMPT, "--num-inference-steps", 5000), ("num_inference_steps 5000",)),
        (("learn", "gender", "--step", 0), ("1 to 20",)),
        (("learn", "gender", "--step", 3, *FAST), ("1 to 2",)),
        (("generate", PROMPT, "--guidance-scale", "nan"), ("guidance_scale nan",)),
        (("generate", PROMPT, "--guidance-scale", "inf"), ("guidance_scale inf",)),
        (("generate", PROMPT, "--guidance-scale", -1), ("guidance_scale -1",)),
        (("generate", PROMPT, "--batch-size", 0), ("'0' for '--batch-size'",)),
        (("learn", "gender", "--batch-size", 0), ("'0' for '--batch-size'",)),
        (("generate", PROMPT, "--device", "abacus"), ("'abacus'", "this machine", "cpu")),
        (("generate", PROMPT, "--dtype", "float3"), ("'float3'",)),
        (("generate", PROMPT, "--dtype", "float64"), ("'float64'", "bfloat16")),
        (("generate", PROMPT, "--model", "townsfok"), ("'townsfok'", "did you mean townsfolk")),
        (("audit", PROMPT, "--device", "abacus"), ("'abacus'", "this machine", "cpu")),
        (("mitigate", PROMPT, "--device", "abacus"), ("'abacus'", "this machine", "cpu")),
        (("mitigate", PROMPT, "-a", "monk_tone"), ("10 groups",)),
        (("mitigate", PROMPT, "--concepts", "nowhere"), ("nowhere",)),
        (("mitigate", "a photo of a unicorn", "--concepts", "townsfolk"), ("unicorn",)),
        (("mitigate", PROMPT, "--precision", "nan"), ("precision",)),
        (("mitigate", PROMPT, "--precision", -1), ("precision",)),
        (("mitigate", PROMPT, "--confidence", 1), ("confidence",)),
        (("mitigate", PROMPT, "--budget", 0), ("budget",)),
        (("mitigate", PROMPT, "--n-capture", 2), ("n_capture",)),
        (("mitigate", PROMPT, "--controls", -1), ("controls",)),
        (("mitigate", PROMPT, "--watch", "charm"), ("'charm'",)),
        (("generate", PROMPT, "--revision", "x"), ("--revision for townsfolk",)),
        (("generate", PROMPT, "--add-words", ""), ("words",)),
        (("generate", PROMPT, "--add-words", "a", "--add-words", "b=1"), ("'a'",)),
        (("demo", "--out", "memory://x"), ("--out memory://x", "a path on this machine")),
        (("learn", "gender", "--out", "memory://x"), ("--out memory://x",)),
        (("audit", "--images", "memory://x"), ("--images memory://x",)),
        (("report", "x", "--out", "s3://x"), ("--out s3://x",)),
    ],
)
def test_values_that_cannot_be_are_refused(
    tmp_path: Path, words: tuple[Any, ...], parts: tuple[str, ...]
) -> None:
    refused(alone(trimtab(*words)), 2, *parts)
    assert not list(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (("girl=0.3",), "one of the groups woman, man"),
        (("woman",), "woman=0.3"),
        (("woman=much",), "woman=much"),
        (("woman=nan",), "nan"),
        (("woman=0",), "0"),
        (("woman=1.5",), "1.5"),
        (("woman=0.3,man=0.6",), "0.9"),
        (("woman=0.3,girl=0.7",), "girl"),
        (("woman=0.3", "man=0.7"), "man=0.7"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "mitigate"])
def test_wrong_targets_are_refused(command: str, target: tuple[str, ...], part: str) -> None:
    words = [word for one in target for word in ("--target", one)]
    refused(alone(trimtab(command, PROMPT, *words)), 2, part)


def test_a_source_without_a_target_is_refused() -> None:
    words = ("--target-source", "a", "--target-source", "b")
    for target in ((), ("--target", "woman=0.3")):
        refused(alone(trimtab("audit", PROMPT, *target, *words)), 2, "2 --target-source")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", 2), (b"\xef\xbb\xbf\n", 2), (b"# a remark\n", 2), (b"a\na\n", 2), (b"caf\xe9", 1)],
)
def test_a_file_of_prompts_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes, code: int
) -> None:
    (tmp_path / "prompts.txt").write_bytes(content)
    for command in ("audit", "generate", "mitigate"):
        refused(alone(trimtab(command, "--prompts", "prompts.txt")), code, "prompts.txt")


@pytest.mark.parametrize("name", ["winobia", "prompts.csv", "nothing.txt", "."])
def test_a_misspelt_list_of_prompts_is_no_prompt(tmp_path: Path, name: str) -> None:
    for command in ("audit", "generate", "mitigate"):
        refused(alone(trimtab(command, "--prompts", name)), 1, repr(name), "winobias")


@pytest.mark.parametrize("strength", ["nan", "inf", "-inf", "1e6", "much", ""])
def test_strengths_that_cannot_be_are_refused(tmp_path: Path, strength: str) -> None:
    file = Direction.random(SHAPE, 1).save(tmp_path / "d.safetensors")
    for command in ("generate", "audit"):
        result = trimtab(command, PROMPT, "--steer", f"{file}={strength}")
        refused(alone(result), 2, "--steer", "a")
    assert [file.name for file in tmp_path.iterdir()] == ["d.safetensors"]


def test_a_strength_must_be_there(tmp_path: Path) -> None:
    file = Direction.random(SHAPE, 1).save(tmp_path / "d.safetensors")
    refused(alone(trimtab("generate", PROMPT, "--steer", file)), 2, "FILE=STRENGTH")


# Files and folders that are missing, foreign or damaged


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("report", "nowhere"), 1, ("nowhere",)),
        (("inspect", "memory://nowhere"), 1, ("nowhere",)),
        (("audit", "--prompts", "nowhere.txt"), 1, ("nowhere.txt", "No such file")),
        (("audit", "--images", "nowhere"), 1, ("nowhere",)),
        (("audit", PROMPT, "-a", "nowhere.yaml"), 1, ("nowhere.yaml", "No such file")),
        (("generate", PROMPT, "--steer", "nowhere.safetensors=1"), 1, ("nowhere.safetensors",)),
        (("generate", PROMPT, "--model", "./nowhere"), 1, ("nowhere",)),
        (("learn", "gender", "--model", "./nowhere"), 1, ("nowhere",)),
    ],
)
def test_what_is_missing_is_named(
    words: tuple[str, ...], code: int, parts: tuple[str, ...]
) -> None:
    refused(trimtab(*words), code, *parts)


@pytest.mark.parametrize(
    "text", ["{", "name: hat", "name: hat\ngroups: [{name: with}]", "[1, 2]", "\0"]
)
def test_a_broken_attribute_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "hat.yaml").write_text(text)
    result = alone(trimtab("audit", PROMPT, "-a", "hat.yaml"))
    refused(result, result.code, "hat.yaml")
    assert result.code in (1, 2)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    refused(alone(trimtab("generate", PROMPT, "--model", tmp_path / "model")), 1, "model")


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def foreign(data: bytes) -> bytes:
    return data.replace(b"trimtab-direction", b"another-direction")


@pytest.mark.parametrize(
    "damage", [truncated, flipped, foreign, lambda _: b"", lambda _: b"hello", lambda _: bytes(99)]
)
def test_a_damaged_or_foreign_direction_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = Direction.random(SHAPE, 1).save(tmp_path / "d.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    refused(alone(trimtab("generate", PROMPT, "--steer", f"{file}=2")), 1, str(file))


def test_a_picture_is_no_direction(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    result = trimtab("generate", PROMPT, "--steer", f"{tmp_path / 'x.png'}=3")
    refused(alone(result), 1, "x.png (not a safetensors file)")


def test_a_direction_of_another_shape_is_refused(tmp_path: Path) -> None:
    file = Direction.random(OTHER, 1).save(tmp_path / "d.safetensors")
    result = trimtab("generate", PROMPT, "--steer", f"{file}=2", "--out", tmp_path / "run")
    refused(alone(result), 2, str(OTHER), str(SHAPE))
    other = Direction.random(SHAPE, 1).save(tmp_path / "e.safetensors")
    steer = ("--steer", f"{file}=2", "--steer", f"{other}=2")
    refused(alone(trimtab("generate", PROMPT, *steer)), 2, "one shape")
    assert not (tmp_path / "run").exists()


def test_a_recogniser_is_looked_for_before_pictures_are_made(tmp_path: Path) -> None:
    words = ("--n", 1, "--recogniser", tmp_path / "nobody", "--out", tmp_path / "run", *FAST)
    refused(trimtab("audit", PROMPT, *words), 1, "nobody")
    assert not (tmp_path / "run").exists()


def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = trimtab("learn", "gender", "--n", 2, "--out", tmp_path / "file" / "woman.safetensors")
    refused(result, 1, "woman.safetensors")
    assert "capture" not in result.err


def test_a_direction_replaces_only_a_direction(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("my work")
    for place in (thesis, tmp_path):
        refused(alone(trimtab("learn", "gender", "--out", place)), 1, str(place))
    assert thesis.read_text() == "my work"


# Folders with other settings


@pytest.mark.parametrize("name", ["run.json", "study.json", "manifest.json", "labels.parquet"])
def test_what_the_first_edition_wrote_is_left_alone(tmp_path: Path, name: str) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / name).write_text("{}")
    result = trimtab("generate", PROMPT, "--n", 1, "--out", old, *FAST)
    refused(alone(result), 1, "first edition", name, "direction files are still read")
    assert [file.name for file in old.iterdir()] == [name]


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    later = '{"format": "trimtab-store", "version": 2}'
    (tmp_path / "store.json").write_text(later)
    for words in (("generate", PROMPT, "--n", 1, "--out", tmp_path), ("inspect", tmp_path)):
        refused(alone(trimtab(*words)), 1, "store.json of version 2", "update trimtab")
    assert (tmp_path / "store.json").read_text() == later


def test_a_url_of_no_known_filesystem_is_refused(tmp_path: Path) -> None:
    result = trimtab("generate", PROMPT, "--n", 1, "--out", "nowhere://x", *FAST)
    refused(alone(result), 2, "nowhere://x")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for place in (tmp_path, tmp_path / "thesis.txt"):
        result = trimtab("generate", PROMPT, "--n", 1, "--out", place, *FAST)
        refused(alone(result), 1, "something else")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_torn_photo_is_not_counted_whether_it_is_kept_or_not(tmp_path: Path) -> None:
    photos, kept = tmp_path / "photos", tmp_path / "kept"
    photos.mkdir()
    for name in ("a.png", "c.png"):
        Image.new("RGB", (64, 64), "teal").save(photos / name)
    (photos / "b.png").write_bytes((photos / "a.png").read_bytes()[:60])
    own = ("--recogniser", townsfolk.model_folder() / "recogniser", "--json")
    words = ("audit", "--images", photos, *own)
    first = done(*words).json
    (frame,) = first["views"][0]["figures"]
    assert (frame["n"], frame["missed"]) == (2, 1)
    for _ in range(2):  # the second goes on from the first
        assert done(*words, "--out", kept).json["views"] == first["views"]
    labels = classify(ImageSet.from_folder(photos), "gender", own[1]).labels()
    assert labels.blocked.tolist() == [False, True, False]
    saved = ImageSet.from_folder(photos).save(tmp_path / "saved")
    assert saved.blocked == ImageSet.from_store(tmp_path / "saved").blocked == (False, True, False)


# No space left


def full_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk take some files, then no more."""
    left = iter(range(writes))

    def fsync(file: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_disk_keeps_the_pictures_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    words = ("generate", PROMPT, "--n", 4, "--batch-size", 2, "--out", run, *FAST)
    with monkeypatch.context() as patch:
        # store, threads, spec, model; two pictures, their rows; a third
        full_after(4 + 2 + 1 + 1, patch)
        refused(trimtab(*words), 1, "No space left", str(run), "finished work is kept")
    files = pictures(run)
    assert [file.name for file in files] == ["000000.png", "000001.png", "000002.png"]
    before = {file: file.stat().st_mtime_ns for file in files}
    done(*words)
    assert len(ImageSet.from_store(run)) == 4
    assert {file: file.stat().st_mtime_ns for file in files} == before


def pictures(store: Path) -> list[Path]:
    """The pictures' files of a store, in order."""
    return sorted(store.glob("images/*/*/*/*.png"))


def test_a_full_disk_keeps_the_latents_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, file = tmp_path / "kept", tmp_path / "d.safetensors"
    words = ("learn", "gender", "--n", 4, "--step", 1, "--batch-size", 2, *FAST)
    words = (*words, "--keep", kept, "--out", file)
    with monkeypatch.context() as patch:
        full_after(1 + 5, patch)  # the trial, the store, its threads, the spec, two shards
        refused(trimtab(*words), 1, "No space left", str(kept), "finished work is kept")
    assert len(LatentSamples.from_store(kept).seeds) == 4
    assert not file.exists()
    assert "capture" not in done(*words).err
    Direction.load(file)


def test_output_that_nobody_takes_is_told() -> None:
    with open("/dev/full", "w") as full:
        refused(finish(start("attributes", stdout=full)), 1, "No space left")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        assert finish(start("attributes", stdout=pipe)) == Done(1, "", "")


# Ctrl-C


def test_an_interrupt_keeps_what_was_done(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("generate", PROMPT, "--n", 30, "--batch-size", 1, "--out", run)
    words = (*words, "--num-inference-steps", 8)
    process = start(*words)
    until = time.monotonic() + 300
    while not pictures(run) and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    refused(finish(process), 1, "an interrupt", f"finished work is kept in {run}")
    files = pictures(run)
    assert 1 <= len(files) < 30
    assert [file.name for file in files] == [f"{seed:06d}.png" for seed in range(len(files))]
    before = {file: file.stat().st_mtime_ns for file in files}
    done(*words)
    assert len(ImageSet.from_store(run)) == 30
    assert {file: file.stat().st_mtime_ns for file in files} == before


KEPT = "run the same command again to continue: finished work is kept in "
NOTHING = "run it again from the start: nothing was kept (--out FOLDER keeps it)"
BEGUN, ELSEWHERE = "file://{here}/there", "memory://trimtab-bad-input"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk"), MemoryError()])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("generate", PROMPT), "nothing was done yet"),
        (("generate", PROMPT, "--out", "there"), KEPT + "there"),
        (("generate", PROMPT, "--out", BEGUN), KEPT + BEGUN),
        (("generate", PROMPT, "--out", "file://{here}/new"), "nothing was done yet"),
        (("generate", PROMPT, "--out", ELSEWHERE), NOTHING),
        (("generate", PROMPT, "--out", "empty"), "nothing was done yet"),
        (("audit", PROMPT, "--out", "there"), KEPT + "there"),
        (("audit", PROMPT, "--out", "new"), "nothing was done yet"),
        (("audit", PROMPT), NOTHING),
        (("mitigate", PROMPT), "nothing was done yet"),
        (("mitigate", PROMPT, "--out", "there"), KEPT + "there"),
        (("mitigate", PROMPT, "--out", BEGUN), KEPT + BEGUN),
        (("mitigate", PROMPT, "--out", ELSEWHERE), NOTHING),
        (("learn", "gender", "--keep", "there"), KEPT + "there"),
        (("learn", "gender", "--keep", "there", "--out", "d"), KEPT + "there"),
        (("learn", "gender", "--out", "d"), "nothing was kept (--keep FOLDER keeps it)"),
        (("demo", "--out", "there"), KEPT + "there"),
        (("demo", "--out", "new"), "nothing was done yet"),
        (("demo",), "nothing was done yet"),
        (("demo", "--quick"), KEPT + "runs/demo-quick"),
        (("report", "there"), "nothing was kept"),
        (("attributes",), "nothing was kept"),
    ],
)
def test_what_is_kept_is_said_only_where_it_is(
    tmp_path: Path,
    words: tuple[str, ...],
    says: str,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    Path("empty").mkdir()
    for place in ("there", "runs/demo-quick", ELSEWHERE):
        Store(place).settle()
    monkeypatch.setattr("trimtab.pipelines.load_model", fail)
    for room, name in (
        ("townsfolk", "load"), ("report", "write_report"), ("concepts", "attributes")
    ):  # fmt: skip
        monkeypatch.setattr(import_module(f"trimtab.{room}"), name, fail)
    result = trimtab(*(word.format(here=tmp_path) for word in words))
    refused(result, 1, says.format(here=tmp_path))
    assert ("is kept" in result.err) == says.startswith(KEPT)


def test_the_options_that_keep_work_exist() -> None:
    commands: Any = typer.main.get_command(app)
    for name, option in KEEPING.items():
        assert option in {parameter.name for parameter in commands.commands[name].params}


# What nobody foresaw


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `trimtab report` meet an error."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("trimtab.report.write_report", fail)


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO), "disk"), "got disk: Input/output error"),
        (OSError("no words of the system"), "got no words of the system"),
        (MemoryError(), "too little memory"),
        (OutOfMemoryError("CUDA out of memory"), "too little memory"),
        (KeyboardInterrupt(), "an interrupt"),
    ],
)
def test_what_is_no_bug_is_one_line(
    error: BaseException, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(error, monkeypatch)
    refused(alone(trimtab("report", "x")), 1, part)
    with pytest.raises(type(error)):
        trimtab("--debug", "report", "x")


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeError("a bug"), KeyError("a bug")])
def test_a_bug_looks_like_a_bug(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(error, monkeypatch)
    with pytest.raises(type(error), match="a bug"):
        trimtab("report", "x")


@pytest.mark.parametrize(("words", "value"), [(("--debug",), None), ((), "1")])
def test_debug_shows_the_traceback(words: tuple[str, ...], value: str | None) -> None:
    variables = {"TRIMTAB_DEBUG": value} if value else {}
    result = finish(start(*words, "report", "nowhere", **variables))
    assert result.code == 1
    assert "Traceback" in result.err
    assert "FileError: got nowhere" in result.err
