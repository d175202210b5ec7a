"""Copies of a pipeline, one for each run, so that the user's own is never changed."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from trimtab.errors import ModelError, UsageError
from trimtab.pipelines.placement import is_hooked

ENCODING = threading.RLock()
"""Tokenizers remember the padding and truncation of the last call, so calls must not overlap."""
_GUARD = threading.Lock()
_IN_USE: set[int] = set()
"""The ids of parts in use that only one run at a time can use."""


@contextlib.contextmanager
def session(pipe: Any, generators: list[torch.Generator] | None) -> Iterator[Any]:
    """Yield a copy of a pipeline that shares its modules but has its own scheduler and attributes.

    The copy shows no progress bar, and its scheduler uses the generators. Several sessions of one
    pipeline may be open at once, in one thread or several, unless it has parts that change while
    they work.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline; it is not changed.
    generators : list of torch.Generator, optional
        One per image, for schedulers that add noise while denoising.

    Raises
    ------
    UsageError
        If another session is using a part that only one session at a time can use.
    ModelError
        From a step of a scheduler that draws noise from torch's global state instead of using the
        generators.
    """
    with _reserved(pipe), _scheduler(pipe, generators) as scheduler:
        own = copy.copy(pipe)
        vars(own)["scheduler"] = scheduler  # bypasses `__setattr__`, which would write a new config
        bar = getattr(pipe, "_progress_bar_config", {})
        own.set_progress_bar_config(**bar | {"disable": True})
        if hasattr(own, "encode_prompt"):
            vars(own)["encode_prompt"] = _one_at_a_time(own, own.encode_prompt)
        try:
            yield own
        finally:
            if "_all_hooks" in vars(pipe):  # offloading hooks, which a run installs again
                vars(pipe)["_all_hooks"] = own._all_hooks


@contextlib.contextmanager
def encoding(pipe: Any) -> Iterator[None]:
    """Let one call at a time use the tokenizers of a pipeline, and leave them as they were.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline. Sana sets the side on which its tokenizer pads.
    """
    with ENCODING:
        tokenizers = [one for one in pipe.components.values() if hasattr(one, "padding_side")]
        sides = [one.padding_side for one in tokenizers]
        try:
            yield
        finally:
            for one, side in zip(tokenizers, sides, strict=True):
                one.padding_side = side


def _one_at_a_time(pipe: Any, encode: Any) -> Any:
    @functools.wraps(encode)
    def locked(*args: Any, **options: Any) -> Any:
        with encoding(pipe):
            return encode(*args, **options)

    return locked


@contextlib.contextmanager
def _reserved(pipe: Any) -> Iterator[None]:
    wanted = dict(_exclusive(pipe))
    with _GUARD:
        for one, why in wanted.items():
            if one in _IN_USE:
                raise UsageError(
                    got=f"a second concurrent run on {type(pipe).__name__}, {why}",
                    expected="one run at a time, since the two would interfere",
                    do="wait for the first run, or load the model a second time",
                )
        _IN_USE.update(wanted)
    try:
        yield
    finally:
        with _GUARD:
            _IN_USE.difference_update(wanted)


def _exclusive(pipe: Any) -> Iterator[tuple[int, str]]:
    """Return the parts that only one run at a time can use, by id, with the reason."""
    for name, part in pipe.components.items():
        if not isinstance(part, torch.nn.Module):
            continue
        if is_hooked(part):
            yield id(part), f"whose {name} has hooks that move or keep its tensors"
        config = getattr(part, "config", None)
        if getattr(config, "force_upcast", False) and part.dtype == torch.float16:
            yield id(part), f"whose {name} changes its type to decode"
    if _patched(pipe.scheduler):
        yield id(pipe.scheduler), "whose scheduler has replaced methods"


def _patched(scheduler: Any) -> bool:
    return any(callable(getattr(type(scheduler), name, None)) for name in vars(scheduler))


@contextlib.contextmanager
def _scheduler(pipe: Any, generators: list[torch.Generator] | None) -> Iterator[Any]:
    """Yield a copy of a scheduler, or the scheduler itself if its methods are patched."""
    scheduler = pipe.scheduler
    if not _patched(scheduler):
        yield _seeded(_copied(scheduler), generators)
        return
    before = vars(_copied(scheduler, deep=False))
    try:
        yield _seeded(scheduler, generators)
    finally:
        for name in vars(scheduler).keys() - before.keys():
            delattr(scheduler, name)
        vars(scheduler).update(before)


def _copied(scheduler: Any, *, deep: bool = True) -> Any:
    if deep:
        try:
            return copy.deepcopy(scheduler)
        except Exception:  # for contents that cannot be copied
            pass
    found = copy.copy(scheduler)
    lists = {name: list(value) for name, value in vars(found).items() if type(value) is list}
    vars(found).update(lists)
    return found


def _seeded(scheduler: Any, generators: list[torch.Generator] | None) -> Any:
    """Make a scheduler use the generators, even if the pipeline does not pass them on.

    Flow pipelines do not, so stochastic sampling would use torch's global state.
    """
    if generators is None:
        return scheduler
    if "generator" in inspect.signature(scheduler.step).parameters:
        scheduler.step = functools.partial(scheduler.step, generator=generators)
        return scheduler
    if hasattr(scheduler, "noise_sampler_seed"):
        # The Brownian tree of DPMSolverSDE takes one seed per image; one for all, which its
        # configuration may have, would make an image depend on its batch.
        scheduler.noise_sampler_seed = [
            int(torch.randint(2**62, (), generator=one, device=one.device)) for one in generators
        ]
    scheduler.step = _seeded_alone(scheduler.step, type(scheduler).__name__)
    return scheduler


def _seeded_alone(step: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Reject noise that a scheduler's step draws from torch's global state."""

    @functools.wraps(step)
    def checked(*args: Any, **options: Any) -> Any:
        values = (*args, *options.values())
        device = next(one.device for one in values if isinstance(one, torch.Tensor))
        before = _global_state(device)
        found = step(*args, **options)
        if not torch.equal(before, _global_state(device)):
            raise ModelError(
                got=f"{name}, which draws noise from torch's global state",
                expected="a scheduler whose noise comes from the seed of each picture, so that "
                "pictures with the same seed form pairs",
                do="choose another scheduler",
            )
        return found

    return checked


def _global_state(device: torch.device) -> torch.Tensor:
    """Return the state of torch's global generator of a device, as bytes."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else torch.get_rng_state()
