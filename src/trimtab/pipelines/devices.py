"""The devices that models run on, their memory, and the number of CPU threads."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

import torch

from trimtab.errors import UsageError
from trimtab.pipelines.families import whole_number


def choose_device(name: str | torch.device) -> torch.device:
    """Return the device with a name; "auto" selects an accelerator if there is one.

    Raises
    ------
    UsageError
        If this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        place = torch.device(name)
        torch.empty(0, device=place)  # a build without CUDA raises AssertionError here
    except (RuntimeError, AssertionError) as error:
        here = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        here += ["mps"] if torch.backends.mps.is_available() else []
        raise UsageError(
            got=f"device {str(name)!r}",
            expected=f"auto, or a device of this machine: {', '.join(['cpu', *here])}",
            do="choose one of these",
        ) from error
    return place


def release_memory() -> None:
    """Release the device memory of models that are no longer referenced."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


@contextlib.contextmanager
def threads(n: int | None) -> Iterator[int]:
    """Set the number of torch threads for a block, and restore it afterwards.

    The number of threads affects the last bits of results computed on a CPU. It applies to the
    whole process.

    Parameters
    ----------
    n : int, optional
        Number of threads, at least 1; None keeps the current number.

    Yields
    ------
    int
        The number of threads in the block.

    Raises
    ------
    UsageError
        If `n` is not a whole number, at least 1.
    """
    before = torch.get_num_threads()
    number = before if n is None else whole_number(n)
    if number is None or number < 1:
        raise UsageError(
            got=f"{n!r} threads", expected="a whole number of at least 1", do="choose another"
        )
    torch.set_num_threads(number)
    try:
        yield number
    finally:
        torch.set_num_threads(before)
