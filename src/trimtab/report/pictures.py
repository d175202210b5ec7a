"""The pictures of a result, read from its store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from trimtab.drawing import contact_sheet, gallery
from trimtab.errors import FileError
from trimtab.report.arms import ORDER
from trimtab.storage import Store, read_picture
from trimtab.storage.formats import listing
from trimtab.storage.pictures import decode_picture
from trimtab.workflows.audit_result import THUMBNAILS, thumbnail_of
from trimtab.workflows.notebooks import named, pictures_in
from trimtab.workflows.records import Seeds, SourceFile
from trimtab.workflows.results import AuditResult, MitigationResult, SensitivityResult

COLUMNS = 10
PROMPTS = 4  # most prompts whose pictures a page shows
SHOWN = THUMBNAILS[0]  # most pictures of an audit


def galleries(result: MitigationResult) -> list[dict[str, Any]]:
    """Return pictures of the first audit seeds for the first prompts, none picked by hand."""
    several = len({arm.attribute for arm in result.arms if arm.attribute}) > 1
    found = []
    for prompt in result.prompts[:PROMPTS]:
        main = _rows(result, ("plain", "adjusted", "single", "sum"), prompt, several)
        more = _rows(result, ("plain", "generic", "random"), prompt, several)
        if any(picture for _, row in main for picture in row):
            seeds = range(*result.arms[0].seeds)[:COLUMNS]
            found.append(
                {
                    "prompt": prompt,
                    "main": gallery(seeds, main),
                    "more": gallery(seeds, more) if len(more) > 1 else "",
                }
            )
    return found


def _rows(
    result: MitigationResult, roles: Sequence[str], prompt: str, several: bool
) -> list[tuple[str, list[Image.Image | None]]]:
    return [
        (
            named(arm, several),
            pictures_in(result.store, arm.spec, prompt, range(*arm.seeds)[:COLUMNS]),
        )
        for arm in sorted(result.arms, key=lambda arm: ORDER.index(arm.role))
        if arm.role in roles
    ]


def sheets(result: AuditResult) -> list[dict[str, Any]]:
    """Return a contact sheet for each of the first prompts, or for a folder."""
    prompts = result.prompts[:PROMPTS]
    if not prompts or result.seeds is None:
        return _folder_sheet(result) if result.folder else []
    most = SHOWN // len(prompts)
    return [
        sheet
        for prompt in prompts
        for sheet in sheet_of(result.store, result.spec, prompt, result.seeds, most)
    ]


def sheet_of(
    store: Store | None, spec: str, prompt: str, seeds: Seeds, most: int = SHOWN
) -> list[dict[str, Any]]:
    """Return a contact sheet of the first seeds; empty if there are no pictures."""
    every = range(*seeds)
    shown = every[:most]
    pictures = pictures_in(store, spec, prompt, shown)
    said = f"The first {len(shown)} of {len(every):,}." if shown != every else f"All {len(shown)}."
    return _sheet(prompt, list(zip(map(str, shown), pictures, strict=True)), said)


def grid(result: SensitivityResult) -> str:
    """Return the pictures of the first seeds, a row for each paraphrase; empty without any."""
    seeds = range(*result.seeds)[:COLUMNS]
    rows = [
        (prompt, pictures_in(result.store, result.spec, prompt, seeds)) for prompt in result.prompts
    ]
    return gallery(seeds, rows) if any(picture for _, row in rows for picture in row) else ""


def _folder_sheet(result: AuditResult) -> list[dict[str, Any]]:
    pictures = list(_first_of(result))
    empty = sum(one.status == "blocked" for one in result.sources)
    visible = result.n - empty
    first = "The first " if len(pictures) == SHOWN < visible else ""
    parts = [f"{first}{len(pictures)} of {result.n:,}"]
    if empty:
        parts.append("one shows nothing" if empty == 1 else f"{empty:,} show nothing")
    if not first and len(pictures) < visible:
        parts.append("the others are no longer there")
    said = "; ".join(parts) if parts[1:] or first else f"All {len(pictures)}"
    return _sheet("", pictures, f"{said}.")


def _sheet(
    prompt: str, pictures: Sequence[tuple[str, Image.Image | None]], said: str
) -> list[dict[str, Any]]:
    if not any(picture for _, picture in pictures):
        return []
    return [{"prompt": prompt, "sheet": contact_sheet(pictures), "said": said}]


def _first_of(result: AuditResult) -> Iterator[tuple[str, Image.Image | None]]:
    """Yield name and picture of the first files of a folder in which something is visible."""
    shown = 0
    for one in result.sources or _listed(Path(result.folder)):
        if shown == SHOWN:
            return
        if one.status != "read":
            continue
        picture = _small(result, one)
        if picture is not None:
            yield one.name, picture
            shown += 1


def _listed(folder: Path) -> list[SourceFile]:
    """Return the files of a folder, for a result that was written without them."""
    try:
        return [SourceFile(file.name, "", "read") for file in listing(folder).files]
    except OSError:
        return []


def _small(result: AuditResult, one: SourceFile) -> Image.Image | None:
    """Return the small copy in the store or, without one, the picture from its folder."""
    if result.store is not None and one.picture:
        name = thumbnail_of(one.picture)
        try:
            return decode_picture(result.store.read_file(name), name)
        except (OSError, FileError):
            pass  # an audit kept elsewhere
    try:
        return read_picture(Path(result.folder, one.name))
    except FileError:
        return None
