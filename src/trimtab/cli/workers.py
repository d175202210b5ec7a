"""Running panels in several processes that write to one store."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from queue import Empty
from typing import Any

from trimtab.cli.options import ModelOptions
from trimtab.concepts.panels import Panels
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
    """Run each panel in one of several processes, so that `run_panels` finds it in the store.

    The processes share the cores of the machine. What fails in one fails again in `run_panels`,
    which then says why.

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
    parts = [replace(listed, panels=listed.panels[i::workers]) for i in range(workers)]
    processes = [
        context.Process(target=_work, args=(i, workers, model, part, to, dict(options), told))
        for i, part in enumerate(parts, start=1)
        if part.panels
    ]
    overall: dict[int, tuple[int, int]] = {}
    try:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            try:
                worker, done, total, what = told.get(timeout=WAIT)
            except Empty:
                continue
            if what == "all panels":
                overall[worker] = done, total
                if len(overall) == len(processes):
                    done, total = (sum(one) for one in zip(*overall.values(), strict=True))
                    progress(done, total, what)
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
    part: Panels,
    to: str,
    options: dict[str, Any],
    told: Any,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    from trimtab.errors import TrimtabError
    from trimtab.storage import Store
    from trimtab.workflows import run_panels

    def tell(done: int, total: int, what: str) -> None:
        told.put((worker, done, total, what))

    try:
        run_panels(
            model.load(),
            part,
            to=Store(to),
            oracle=model.oracle(),
            progress=tell,
            keep=False,
            **options | {"n_transfer": 0, "n_sensitivity": 0},
        )
    except TrimtabError:
        return  # as `run_beforehand` says
