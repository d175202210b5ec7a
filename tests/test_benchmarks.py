"""Benchmarks at tiny size: they report all figures, and these are finite."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import diffusers
import pytest
import torch

from results import study

ROOT = Path(__file__).parents[1]


def gpu(*words: str) -> subprocess.CompletedProcess[str]:
    """Run benchmarks/gpu.py."""
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("model", ["sdxl", "flux"])
def test_the_gpu_benchmark_takes_every_figure(model: str, tmp_path: Path) -> None:
    words = ("--size", "tiny", "--models", model, "--rounds", "2", "--inference-steps", "2")
    done = gpu(*words, "--most", "2", "--out", str(tmp_path / "gpu.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())["models"][model]
    assert found["batch_size"] in (1, 2)
    for figure in ("steered_over_plain", "generate_over_loop", "capture_over_images"):
        assert math.isfinite(found[figure]["median"]) and found[figure]["median"] > 0
    assert set(found["seconds_per_image"]) == {"plain", "steered", "loop"}


def test_a_model_built_on_another_device_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    benchmark = importlib.import_module("gpu")
    monkeypatch.setattr(diffusers.DiffusionPipeline, "to", lambda pipe, *_: pipe)
    pipe = benchmark.built("sdxl", torch.device("meta"), tiny=True)
    assert pipe.unet.device.type == "meta"
    pipe.scheduler.set_timesteps(4)  # by numpy, which reads main memory only


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator")
def test_it_says_so_where_there_is_no_accelerator() -> None:
    done = gpu()
    assert done.returncode == 0
    assert done.stdout.startswith("no CUDA device here")


def test_whole_and_local_directions_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    benchmark = importlib.import_module("local_directions")
    monkeypatch.setattr(benchmark, "backdrops_changed", lambda *_: 0.1)
    found = [one for local in (False, True) for one in benchmark.measured("doctor", local, study())]
    pairs = list(benchmark.by_pair(found))
    assert [whole.arm for whole, _ in pairs] == ["gender", "skin_tone", "sum"]
    for whole, local in pairs:
        assert (whole.local, local.local) == (False, True)
        assert whole.shares == local.shares and set(whole.others) == set(whole.beyond)
    assert len(benchmark.table(found).rows) == 6
    averages = benchmark.means(found)
    assert set(averages) == set(benchmark.FIGURES)
    assert all(one["whole"] == one["local"] for one in averages.values())
    json.dumps([asdict(one) for one in found], allow_nan=False)
