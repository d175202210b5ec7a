"""A process that generates pictures into a store with a tiny pipeline; killed by tests."""

from __future__ import annotations

import sys

import torch

from tiny import tiny_pipeline
from trimtab.generation import generate
from trimtab.interventions import Direction

PROMPTS = ["a photo of a doctor", "a photo of a nurse"]
SETTINGS = {"num_inference_steps": 2, "batch_size": 3}
STEER = 2 * Direction.random((4, 8, 8), 1)

if __name__ == "__main__":
    torch.set_num_threads(1)
    generate(tiny_pipeline(), PROMPTS, range(int(sys.argv[2])), STEER, to=sys.argv[1], **SETTINGS)
