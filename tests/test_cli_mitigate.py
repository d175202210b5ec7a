"""`trimtab mitigate` from an empty folder to its report, on the embedded model."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import trimtab as tt
from commands import SOURCE, Done, done, finish, start, trimtab
from trimtab.generation import ImageSet
from trimtab.workflows import MitigationResult

PROMPT = "a photo of a doctor"
WORDS = (
    "mitigate", PROMPT, "--target", "woman=0.4", "--target-source", "a test", "--n", 4,
    "--n-capture", 5, "--n-dose", 5, "--precision", 0.0, "--num-inference-steps", 8,
    "--batch-size", 5,
)  # fmt: skip


class Run:
    """A finished mitigation: what it said, and its store."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.said: Done = done(*WORDS, "--out", store)
        self.result = MitigationResult.load(store)
        self.file = store / self.result.file
        self.page = store / "reports" / self.result.name / "report.html"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("mitigate") / "store")


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_it_says_first_how_much_it_may_take_and_then_what_it_did(run: Run) -> None:
    first, *rest = run.said.err.splitlines()
    assert f"at most {run.result.planned} pictures, 4 in each audited set, and " in first
    assert all(line.endswith(" done") for line in rest)
    assert run.said.out.startswith(str(run.result))
    for said in (str(run.file), str(run.page), "woman 0.4, man 0.6 (a test)"):
        assert said in run.said.out
    assert {"recogniser", "oracle"} <= set(run.said.out.split())
    page = run.page.read_text(encoding="utf-8")
    assert "a test" in page
    assert run.result.command in page.replace("&#34;", '"').replace("&#39;", "'")
    summary = json.loads((run.page.parent / "summary.json").read_text(encoding="utf-8"))
    assert summary == json.loads((run.store / f"results/{run.result.name}.json").read_text())


def test_a_rerun_makes_nothing_again(run: Run) -> None:
    before = files(run.store)
    again = done(*WORDS, "--out", run.store, "--json")
    assert " done" not in again.err
    assert again.json == json.loads((run.store / f"results/{run.result.name}.json").read_text())
    assert files(run.store) == before


def test_the_command_of_the_result_repeats_it(run: Run, tmp_path: Path) -> None:
    command = shlex.split(run.result.command)
    assert command[:2] == ["trimtab", "mitigate"]
    assert sorted(command[2:]) == sorted(map(str, WORDS[1:]))
    copy = shutil.copytree(run.store, tmp_path / "copy")  # so that there is little to do
    assert done(*command[1:], "--out", copy).err.count(" done") == 0
    assert MitigationResult.load(copy) == run.result


def test_the_python_of_the_result_gives_the_same_shares(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[tt.AuditFrame] = []
    monkeypatch.chdir(run.store)
    monkeypatch.setattr("builtins.print", frames.append)
    exec(run.result.python, {})
    for frame, arm in zip(frames, run.result.arms, strict=True):
        figures = arm.views[0].of("gender")
        assert figures is not None
        assert frame.figures_of("gender").shares == figures.shares


@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGINT, 0.0), (signal.SIGKILL, 0.3)])
def test_a_stopped_run_goes_on_to_the_same_files(
    run: Run, tmp_path: Path, number: signal.Signals, seconds: float
) -> None:
    store, until = tmp_path / "store", time.monotonic() + 300
    process = start(*WORDS, "--out", store)
    while len(list(store.rglob("*.png"))) < 23 and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(number)
    stopped = finish(process)
    if number is signal.SIGINT:
        assert stopped.code == 1
        assert f"finished work is kept in {store}" in stopped.err
    else:
        assert stopped.code == -signal.SIGKILL
    assert not list(store.glob("results/*"))
    again = done(*WORDS, "--out", store)
    assert " done" in again.err
    assert files(store) == files(run.store)


@pytest.mark.parametrize(("factor", "part"), [("", 1.0), ("=0.5", 0.5)])
def test_what_it_brings_home_steers(run: Run, tmp_path: Path, factor: str, part: float) -> None:
    words = ("--n", 4, "--batch-size", 5, "--num-inference-steps", 8, "--out", tmp_path / "run")
    done("generate", PROMPT, "--steer", f"{run.file}{factor}", *words)
    images = ImageSet.from_store(tmp_path / "run")
    expected = (part * run.result.intervention.steering).to_dict()
    assert all(one.intervention["steering"] == expected for one in images.records)
    steered = run.result.pictures(run.result.arm("gender"))
    same = [one.tobytes() for one in images][:4] == [one.tobytes() for one in steered]
    assert same == (part == 1.0)


def test_inspect_tells_of_the_mitigation(run: Run) -> None:
    facts = done("inspect", run.file, "--json").json
    assert facts["format"] == "trimtab-mitigation"
    assert facts["provenance"]["target"]["gender"]["source"] == "a test"
    assert facts["provenance"]["measured"]["n"] == 4
    text = done("inspect", run.file).out
    for said in ("a test", "woman", facts["sha256"], "Scheduler, 8 steps, guidance scale 1\n"):
        assert said in text
    shares = r"0\.\d\d \[0\.\d\d, [01]\.\d\d\]"
    target = facts["provenance"]["target"]["gender"]["shares"]["woman"]
    assert re.search(rf"  gender: woman +{shares} -> {shares}, target {target:g}\n", text)
    assert "{" not in text
    store = done("inspect", run.store, "--json").json
    assert store["results"] == [run.result.name]
    assert run.result.name in done("inspect", run.store).out


WITHOUT = """\
import sys
sys.path.insert(0, {source!r})

class Gone:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "diffusers", "transformers"):
            raise ImportError(name)

sys.meta_path.insert(0, Gone())
from trimtab.cli import main
main(sys.argv[1:])
"""


def test_the_report_needs_neither_model_nor_torch(run: Run, tmp_path: Path) -> None:
    program = [sys.executable, "-c", WITHOUT.format(source=str(SOURCE))]
    for words, place in (((), "all"), ((run.result.name,), "one")):
        given = map(str, ("report", run.store, *words, "--out", tmp_path / place))
        subprocess.run([*program, *given], check=True, capture_output=True, timeout=300)
        assert (tmp_path / place / "report.html").read_bytes() == run.page.read_bytes()
    assert json.loads((tmp_path / "one/summary.json").read_text()) == run.result.to_dict()


# Damage


def _emptied(data: bytes) -> bytes:
    return b""


def _later(data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"schema_version": 99}).encode()


def _foreign(data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"format": "another"}).encode()


def _lacking(data: bytes) -> bytes:
    return json.dumps({k: v for k, v in json.loads(data).items() if k != "arms"}).encode()


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("pattern", "damage", "said"),
    [
        ("results/*.json", _emptied, "results"),
        ("results/*.json", _cut, "results"),
        ("results/*.json", _later, "schema 99"),
        ("results/*.json", _foreign, "another"),
        ("results/*.json", _lacking, "arms"),
        ("index/*/*/000/*.parquet", _cut, ".parquet"),
        ("images/*/*/000/000000.png", _cut, "000000.png"),
    ],
)
def test_damage_is_told_in_one_line(
    run: Run, tmp_path: Path, pattern: str, damage: Any, said: str
) -> None:
    store = Path(shutil.copytree(run.store, tmp_path / "store"))
    for file in store.glob(pattern):
        file.write_bytes(damage(file.read_bytes()))
    result = trimtab("report", store)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: got ")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_a_result_that_is_not_there_is_told(run: Run) -> None:
    for name in ("nothing", "../store"):
        result = trimtab("report", run.store, name)
        assert result.code in (1, 2)
        assert result.err.count("\n") == 1
        assert name in result.err


def test_a_damaged_mitigation_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    data = run.file.read_bytes()
    for damaged in (data[:-1] + bytes([data[-1] ^ 1]), data[:50], b""):
        file.write_bytes(damaged)
        for words in (("generate", PROMPT, "--steer", file), ("inspect", file)):
            result = trimtab(*words)
            assert result.code == 1
            assert str(file) in result.err
            assert result.err.count("\n") == 1
