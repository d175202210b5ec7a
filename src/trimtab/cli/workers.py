"""Running panels in several processes that write to one store."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Empty
from typing import Any

from trimtab.cli.options import ModelOptions
from trimtab.concepts.panels import Panel, Panels
from trimtab.storage import Progress

WAIT = 0.2  # seconds between two looks at whether the workers still run


def run_beforehand(
    workers: int,
    model: ModelOptions,
    listed: Panels,
    to: str,
    options: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Run the panels in several processes, so that `run_panels` finds them in the store.

    Each process takes the next panel when it has done one, and has an equal part of the cores. What
    fails in one fails again in `run_panels`, which then says why.

    Parameters
    ----------
    workers : int
        Number of processes.
    model : ModelOptions
        The model, which each process loads.
    listed : Panels
        The panels.
    to : str
        The store.
    options : mapping
        Arguments of `run_panels`.
    progress : callable
        ``progress(done, total, what)``.
    """
    context = multiprocessing.get_context("spawn")  # torch does not survive a fork
    told: Any = context.Queue()
    left: Any = context.Queue()
    # The longest first, so that no worker is left alone with one of them at the end.
    order = sorted(listed.panels, key=lambda one: (len(one.attributes), one.adjust), reverse=True)
    for number in range(len(order)):
        left.put(number)
    shared = (workers, model, listed, order, to, dict(options), left, told)
    processes = [
        context.Process(target=_work, args=(worker, *shared))
        for worker in range(1, min(workers, len(order)) + 1)
    ]
    pictures: dict[int, tuple[int, int]] = {}  # done and in all, by panel
    try:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            try:
                worker, number, done, total, what = told.get(timeout=WAIT)
            except Empty:
                continue
            if what == "all panels":
                pictures[number] = done, total
                done, total = (sum(one) for one in zip(*pictures.values(), strict=True))
                # Those that have not begun are taken to be like the others.
                progress(done, round(total * len(order) / len(pictures)), what)
            else:
                progress(done, total, f"{worker}: {what}")
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()


def _work(
    worker: int,
    workers: int,
    model: ModelOptions,
    listed: Panels,
    order: Sequence[Panel],
    to: str,
    options: dict[str, Any],
    left: Any,
    told: Any,
) -> None:
    """Run panels, one after the other, until none is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    from trimtab.errors import TrimtabError
    from trimtab.storage import Store
    from trimtab.workflows import run_panels

    store = Store(to)
    options |= {"n_transfer": 0, "n_sensitivity": 0, "oracle": model.oracle(), "keep": False}
    with suppress(Empty, TrimtabError):  # when none is left, or the model cannot be loaded
        pipe = model.load()
        while True:
            number = left.get(timeout=WAIT)

            def tell(done: int, total: int, what: str, number: int = number) -> None:
                told.put((worker, number, done, total, what))

            with suppress(TrimtabError):  # as `run_beforehand` says
                one = replace(listed, panels=(order[number],))
                run_panels(pipe, one, to=store, progress=tell, **options)
