"""What a report is made of: a summary, checked, and the folder that its pictures lie in."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.errors import FileError, TrimtabError, UsageError

SUMMARY = "summary.json"
RUN, AUDIT = "run.json", "audit.json"
SCHEMA = 1
WANTED = {
    "expected": f"a summary of schema {SCHEMA}, as trimtab demo writes it",
    "do": "run the study again, or check the path",
}


@dataclass(frozen=True)
class Source:
    """A summary, and the folder that the `folder` of its entries is relative to."""

    summary: dict[str, Any]
    base: Path

    def place(self, part: Mapping[str, Any], inside: str = ".") -> Path:
        """Return where a part's folder, or something inside it, lies."""
        # Resolved, because the way to it may lead through a folder that is yet to be made.
        return Path(self.base, str(part.get("folder") or "."), inside).resolve()


def load(results: Mapping[str, Any] | str | Path, to: str | Path | None) -> tuple[Source, Path]:
    """Read or take what is to be reported, and settle where to.

    Raises
    ------
    FileError
        When the folder holds nothing to report, or it is damaged or foreign, or `to` is a file or
        holds other results.
    UsageError
        When a mapping is not a summary, or comes without a folder to write to.
    """
    if to is not None and Path(to).exists() and not Path(to).is_dir():
        raise FileError(got=f"the file {to}", expected="a folder to write to", do="name another")
    if isinstance(results, Mapping):
        if to is None:
            raise UsageError(got="no folder", expected="where to write", do="pass to=folder")
        summary = _plain(results)
        check(summary, "the results", UsageError)
        return Source(summary, Path(to)), Path(to)
    folder = Path(results)
    place = folder if to is None else Path(to)
    if (folder / RUN).exists():
        summary = _run(folder, place)
        _require_own(place, folder, summary)
        return Source(summary, place), place
    summary = _read(folder / SUMMARY)
    check(summary, str(folder / SUMMARY), FileError)
    for part in (*summary.get("results", ()), *_runs(summary)):
        if isinstance(part.get("folder"), str):
            part["folder"] = _relative(folder / part["folder"], place)
    _require_own(place, folder, summary)
    return Source(summary, place), place


def _require_own(place: Path, folder: Path, summary: Mapping[str, Any]) -> None:
    """Refuse a place where the summary of other results lies."""
    if place.resolve() == folder.resolve():
        return
    file = place / SUMMARY
    if (place / RUN).exists() or (file.exists() and _read(file) != _plain(summary)):
        raise FileError(
            got=f"{place}, which holds other results than {folder}",
            expected="a new folder, or one with this report",
            do="choose another folder",
        )


def check(summary: Mapping[str, Any], where: str, error: type[TrimtabError]) -> None:
    """Refuse what is not a summary, saying which part.

    Raises
    ------
    FileError or UsageError
        As `error` says.
    """
    wrong = next(_faults(summary), None)
    if wrong:
        raise error(got=f"{where}, {wrong}", **WANTED)


def _faults(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary.get("schema") != SCHEMA:
        yield f"schema {summary.get('schema')!r}"
        return
    if "run" in summary:
        if not _is_run(summary["run"]):
            yield "with a broken run"
        return
    entries = summary.get("results")
    if not isinstance(entries, list) or not entries:
        yield "without results"
        return
    for i, entry in enumerate(entries, start=1):
        at = f"result {i} of {len(entries)}"
        if not isinstance(entry, dict):
            yield f"{at} is no entry"
            continue
        for key, kind in (("prompt", str), ("attribute", str), ("towards", str), ("n", int)):
            if not isinstance(entry.get(key), kind):
                yield f"{at} without {key}"
        if not _is_number(entry.get("strength")):
            yield f"{at} without strength"
        for key in ("paired", "spillover", "preservation", "pictures", "direction", "generic"):
            if not isinstance(entry.get(key, {}), dict):
                yield f"{at} with a broken {key}"
        for arm in ("plain", "steered", "sum", "generic_svm", "random_direction"):
            needed = arm in ("plain", "steered")
            if (needed or arm in entry) and not _is_arm(entry.get(arm), entry):
                yield f"{at} {'with a broken' if arm in entry else 'without'} {arm}"


def _is_arm(arm: Any, entry: Mapping[str, Any]) -> bool:
    plain = entry.get("plain")
    return (
        isinstance(arm, dict)
        and isinstance(plain, dict)
        and "product" in arm
        and all(
            isinstance(figures, dict)
            and isinstance(figures.get("shares"), dict)
            and len(figures["shares"]) >= 2
            and all(map(_is_number, figures["shares"].values()))
            and _is_number(figures.get("unknown", 0))
            # All sets of one view name the same groups, and the wanted one is among them.
            and isinstance(plain.get(view), dict)
            and list(figures["shares"]) == list(plain[view].get("shares") or ())
            and entry.get("towards") in figures["shares"]
            for view, figures in arm.items()
        )
    )


def _is_run(run: Any) -> bool:
    frames = run.get("frames") if isinstance(run, dict) else None
    return isinstance(frames, list) and all(
        isinstance(frame, dict) and {"attribute", "n", "by_group", "unknown"} <= set(frame)
        for frame in frames
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _run(folder: Path, place: Path) -> dict[str, Any]:
    """Make a summary of a run folder: its settings, and its audit where there is one."""
    from trimtab.storage import read_json

    settings = read_json(folder / RUN, "trimtab-run", "settings")["settings"]
    audit = _read(folder / AUDIT) if (folder / AUDIT).exists() else {}
    frames = audit.get("frames", [])
    facts = ("prompt", "num_inference_steps", "guidance_scale", "steering")
    summary = {
        "schema": SCHEMA,
        "model": settings.get("model"),
        "run": {
            "folder": _relative(folder, place),
            "n": len(settings.get("seeds", ())),
            **{key: settings.get(key) for key in facts},
            "frames": frames,
        },
    }
    check(summary, str(folder / AUDIT), FileError)
    return summary


def _runs(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [summary["run"]] if "run" in summary else []


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(
            got=f"{path}, which cannot be read ({error})",
            expected=f"a folder with {SUMMARY} or {RUN}",
            do="check the path, or run trimtab demo or audit first",
        ) from error
    if not isinstance(value, dict):
        raise FileError(
            got=f"{path} of another kind", expected="a JSON object", do="choose another folder"
        )
    return value


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def _plain(value: Any) -> Any:
    """Copy for JSON: numpy scalars as numbers, None for what is not finite, lists for tuples."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _plain(value.item())
    if isinstance(value, Path):
        return value.as_posix()
    return None if isinstance(value, float) and not math.isfinite(value) else value
