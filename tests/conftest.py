"""Fixtures for all tests: one thread, and tiny pipelines with random weights."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import hypothesis
import pytest
import torch
from diffusers import StableDiffusionPipeline

from tiny import tiny_pipeline

torch.set_num_threads(1)
# No timing in tests; and the same examples each time, so that only a change turns a run red.
hypothesis.settings.register_profile("trimtab", deadline=None, derandomize=True)
hypothesis.settings.load_profile("trimtab")


def pytest_configure(config: pytest.Config) -> None:
    """Let diffusers' schedulers turn tensors into arrays in ways that numpy 2 frowns upon."""
    known = "ignore:__array(_wrap)?__ :DeprecationWarning"
    config.addinivalue_line("filterwarnings", known)


@pytest.fixture
def pipe() -> StableDiffusionPipeline:
    """A fresh tiny pipeline with DDIM."""
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
