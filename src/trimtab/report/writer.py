"""Writing reports: the page and the JSON summary."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import FileError, UsageError
from trimtab.report.page import page
from trimtab.report.panels import FOLDER
from trimtab.storage import Store, write_atomic, write_json
from trimtab.workflows.results import AnyResult, PanelsResult, load_result

PAGE, SUMMARY = "report.html", "summary.json"


def write_report(result: AnyResult | Store | str | Path, to: str | Path | None = None) -> Path:
    """Write ``report.html``, a self-contained page, and ``summary.json`` next to it.

    This needs neither a model nor a recogniser, and does not load torch.

    Parameters
    ----------
    result : Result, Store, str or Path
        A result, whose pictures are read from its store, or a store, whose results are all
        reported on one page.
    to : str or Path, optional
        Folder to write to. By default the report of a store is written to the store, and that of
        a result to ``reports/NAME`` in its store.

    Returns
    -------
    Path
        The page. ``summary.json`` holds the result as saved in the store, or
        ``{"results": [result, …]}`` for several. The mitigations of a `PanelsResult` have reports
        of their own in the folder ``panels``.

    Raises
    ------
    FileError
        If the store is missing, empty or damaged, or the page cannot be written.
    UsageError
        If `result` is not a result, or there is no folder to write to.
    """
    if isinstance(result, Store | str | Path):
        store = result if isinstance(result, Store) else Store.existing(result)
        results, own = _stored(store), store.folder
    elif isinstance(result, AnyResult):
        results, own = [result], _own_folder(result)
    else:
        raise UsageError(
            got=f"a {type(result).__name__}",
            expected="a store, or the result of a workflow such as audit or mitigate",
            do="pass the object that the workflow returned",
        )
    folder = Path(to) if to is not None else own
    if folder is None:
        raise UsageError(
            got="no folder to write to", expected="a local folder", do="pass to=folder"
        )
    if folder.exists() and not folder.is_dir():
        raise FileError(got=f"the file {folder}", expected="a folder", do="choose another name")
    for one in results:
        if isinstance(one, PanelsResult):
            for part in one.mitigations():
                write_report(part, folder / FOLDER / part.name)
    html = page(results)
    documents = [one.to_dict() for one in results]
    write_json(folder / SUMMARY, documents[0] if len(documents) == 1 else {"results": documents})
    write_atomic(folder / PAGE, html.encode())
    return folder / PAGE


def _stored(store: Store) -> list[AnyResult]:
    names = store.results()
    if not names:
        raise FileError(
            got=f"{store.url} without results",
            expected="a store with results of audit or mitigate",
            do="run trimtab audit or trimtab mitigate first",
        )
    found = [load_result(store, name) for name in names]
    parts = {
        part.name
        for one in found
        if isinstance(one, PanelsResult)
        for part in (*one.mitigations(), *filter(None, [one.sensitivity]))
    }
    return [one for one in found if one.name not in parts]


def _own_folder(result: AnyResult) -> Path | None:
    folder = result.store.folder if result.store else None
    return folder / "reports" / result.name if folder else None
