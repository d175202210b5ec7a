"""`report`: the page and the summary beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimtab.errors import FileError, TrimtabError, UsageError
from trimtab.report.sources import SUMMARY, WANTED, load

PAGE = "report.html"


def report(results: Mapping[str, Any] | str | Path, to: str | Path | None = None) -> Path:
    """Write ``report.html``, one file that needs nothing else, and ``summary.json`` beside it.

    Parameters
    ----------
    results : mapping, str or Path
        A summary ``{"schema": 1, "model", "seconds", "command", "python", "results": [entry, …]}``
        with entries as `trimtab.workflows.mitigate` returns them, each with the ``folder`` of its
        study relative to `to`; or a folder with such a ``summary.json``; or the folder of a run
        that ``trimtab generate`` or ``trimtab audit`` made.
    to : str or Path, optional
        The folder to write to; that of the results where they are a folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileError
        If a folder holds nothing to report, is damaged or of another kind, or the page cannot be
        written, or would take the place of that of other results.
    UsageError
        If a mapping is not a summary, or parts of it cannot be drawn, or there is nowhere to write
        to.
    """
    try:
        source, folder = load(results, to)
        # Drawing needs matplotlib, pictures need torch: not before there is something to report.
        from trimtab.report.page import run_page, study_page
        from trimtab.storage import write_atomic, write_json

        page = run_page(source) if "run" in source.summary else study_page(source)
    except TrimtabError:
        raise
    # What parts that `load` does not look into can do to a figure, after somebody edited them.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        given = isinstance(results, Mapping)
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise (UsageError if given else FileError)(
            got=f"{'the results' if given else results}, which cannot be drawn ({problem})",
            **WANTED,
        ) from error
    write_json(folder / SUMMARY, source.summary)
    write_atomic(folder / PAGE, page.encode())
    return folder / PAGE
