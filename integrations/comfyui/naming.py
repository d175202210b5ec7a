"""Names of the nodes, and errors that start with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trimtab.errors import TrimtabError

CATEGORY = "trimtab"
STEERING, STRENGTHS = "TRIMTAB_STEERING", "TRIMTAB_STRENGTHS"
LOAD = "Load direction (trimtab)"
MODEL = "Steer model (trimtab)"
NOISE = "Steer noise (trimtab)"
BATCH = "Strengths of a batch (trimtab)"
SWEEP = "Sweep of strengths (trimtab)"
LIMIT = 10.0
"""Largest strength, in standard deviations of the noise."""


@contextmanager
def named(node: str) -> Iterator[None]:
    """Put a node's name before an error: ComfyUI shows those of the noise at the sampler."""
    try:
        yield
    except TrimtabError as error:
        if not str(error).startswith(node):
            error.args = (f"{node}: {error}",)
        raise
