"""Terminal output: progress bars, results, remarks and one-line errors."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

errors = Console(stderr=True, highlight=False)
LABEL = 34  # columns for a bar's name


class Bars:
    """A progress bar on standard error, callable like every `progress` argument.

    Each finished task is reduced to one line, which keeps logs readable and stops a long study
    from filling the terminal with bars.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn(f"{{task.description:<{LABEL}}}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=errors,
        )

    def __enter__(self) -> Bars:
        if errors.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if errors.is_terminal:
            self._progress.stop()

    def __call__(self, done: int, total: int, what: str) -> None:
        """Move the bar for `what` to `done` of `total`."""
        if errors.is_terminal:
            if what not in self._tasks:
                self._tasks[what] = self._progress.add_task(what[:LABEL], total=total)
            self._progress.update(self._tasks[what], completed=done, total=total)
        if done >= total:
            if what in self._tasks:
                self._progress.remove_task(self._tasks.pop(what))
            note(f"{what}: {total} done")


def say(text: str) -> None:
    """Print a result for people."""
    print(text)


def note(text: str) -> None:
    """Print a remark on the error stream, out of the way of results."""
    errors.print(text, markup=False, soft_wrap=True)  # a path stays whole


def say_json(value: Any) -> None:
    """Print a result as JSON, with null for numbers that are not finite."""
    print(json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """Return the value with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def complain(text: str) -> None:
    """Print an error on one line."""
    print("error: " + " ".join(text.split()), file=sys.stderr)


def warn(text: str) -> None:
    """Print a warning on one line."""
    print("warning: " + " ".join(text.split()), file=sys.stderr)


def finish() -> None:
    """Flush standard output.

    Raises
    ------
    OSError
        If it cannot be written: a full disk or a closed pipe.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # Python flushes again on exit; let that succeed, since the error is already reported.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
