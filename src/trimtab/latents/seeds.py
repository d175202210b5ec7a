"""Seeds: three disjoint ranges for three purposes, and checks of lists of seeds."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Sequence

from trimtab.errors import UsageError

AUDIT_SEEDS = range(0, 10_000)
"""Seeds for audits, never used to choose a direction, step or strength."""
CALIBRATION_SEEDS = range(10_000, 20_000)
"""Seeds for choosing strengths."""
CAPTURE_SEEDS = range(20_000, 30_000)
"""Seeds for learning directions."""


class SeedOverlapWarning(UserWarning):
    """The same seeds were used to learn or choose something and to evaluate it."""


def check_seeds(seeds: Iterable[int] | int, *, unique: bool = True) -> tuple[int, ...]:
    """Return seeds as a tuple of plain ints, after checking them.

    Parameters
    ----------
    seeds : iterable of int, or int
        At least one, each from 0 to 2**63 - 1.
    unique : bool
        Whether to reject repeated seeds, since results are paired by seed.

    Raises
    ------
    UsageError
        If there are none, or one is invalid or repeated.
    """
    try:
        given = tuple(map(operator.index, seeds if isinstance(seeds, Iterable) else (seeds,)))
    except TypeError as error:
        raise UsageError(
            got=f"seeds {seeds!r}", expected="whole numbers", do="pass e.g. range(100)"
        ) from error
    if not given:
        raise UsageError(got="no seeds", expected="at least one", do="pass e.g. range(100)")
    wrong = [seed for seed in given if not 0 <= seed < 2**63]
    if wrong:
        raise UsageError(
            got=f"seed {wrong[0]}", expected="0 to 2**63 - 1", do="choose another seed"
        )
    if unique and len(set(given)) < len(given):
        seen: set[int] = set()
        twice = next(seed for seed in given if seed in seen or seen.add(seed))  # type: ignore[func-returns-value]
        raise UsageError(
            got=f"seed {twice} more than once", expected="distinct seeds", do="remove the repeats"
        )
    return given


def warn_on_overlap(judging: Iterable[int], choosing: Iterable[int]) -> None:
    """Warn if seeds for evaluation were already used to learn or choose.

    Parameters
    ----------
    judging, choosing : iterable of int
        The two lists of seeds.

    Warns
    -----
    SeedOverlapWarning
        If they share a seed.
    """
    shared = sorted(set(judging) & set(choosing))
    if shared:
        warnings.warn(
            f"{len(shared)} seeds (the first is {shared[0]}) were used for learning or choosing "
            "and are used again, so the result will look better than it is",
            SeedOverlapWarning,
            stacklevel=3,
        )


def batches(seeds: Sequence[int], size: int) -> Iterator[slice]:
    """Split a list of seeds into slices of at most `size`, in order.

    Raises
    ------
    UsageError
        If `size` is below 1.
    """
    _check_size(size)
    return (slice(at, min(at + size, len(seeds))) for at in range(0, len(seeds), size))


def blocks(seeds: Iterable[int], size: int) -> dict[int, range]:
    """Return the blocks that contain some seeds: block b starts with seed b·size.

    Stored results are made in complete blocks, since the shape of a batch affects the last bits of
    a model's result for a seed, whereas its position and neighbours in the batch do not.

    Returns
    -------
    dict of int to range
        Block number to the seeds of the block, in the order in which the blocks are first needed.

    Raises
    ------
    UsageError
        If `size` is below 1.
    """
    _check_size(size)
    numbers = dict.fromkeys(seed // size for seed in seeds)
    return {number: range(number * size, (number + 1) * size) for number in numbers}


def turn(seed: int, n: int) -> int:
    """Return which of n things a seed uses, if they alternate from seed to seed."""
    return (seed - CAPTURE_SEEDS.start) % n


def _check_size(size: int) -> None:
    if size < 1:
        raise UsageError(got=f"batch_size {size}", expected="at least 1", do="choose another")
