"""The identity of a model in records: name, source, fingerprints and scheduler."""

from __future__ import annotations

import json
import math
import weakref
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.errors import FileError
from trimtab.pipelines.families import denoiser_of, family_of
from trimtab.pipelines.fingerprint import Fingerprint, fingerprint_of
from trimtab.pipelines.placement import dtype_of

NUMBERS = ("num_inference_steps", "guidance_scale")
"""Settings whose defaults a model folder may contain."""


@dataclass(frozen=True)
class _Loaded:
    """What `load_model` recorded about a pipeline."""

    path: str | None
    source: dict[str, str | None]
    fingerprint: Fingerprint
    scheduler: dict[str, Any]


_LOADED: dict[int, _Loaded] = {}
"""Keyed by the pipeline's id while it is alive; in its config, it would be saved with it."""


def remember(pipe: Any, source: dict[str, str | None], *, path: str | None = None) -> None:
    """Record where a pipeline came from, and its current state.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        The pipeline, just loaded.
    source : dict
        ``revision``, ``variant`` and ``config``, as records will show them.
    path : str, optional
        The file it came from, if diffusers does not store it.
    """
    _LOADED[id(pipe)] = _Loaded(path, source, fingerprint_of(pipe), scheduler_facts(pipe))
    weakref.finalize(pipe, _LOADED.pop, id(pipe), None).atexit = False


def model_path(pipe: Any) -> str | None:
    """Return the folder, file or Hub id of a pipeline, or None if it was built in memory."""
    loaded = _LOADED.get(id(pipe))
    path = (loaded and loaded.path) or getattr(pipe, "name_or_path", None)
    if not path:
        return None
    # An absolute path, so that records stay valid in other working folders.
    return str(Path(path).absolute() if Path(path).exists() else path)


def model_name(pipe: Any) -> str:
    """Return a pipeline's name for records: of its folder or file, its Hub id, or its class."""
    path = model_path(pipe)
    if path is None:
        return type(pipe).__name__
    if Path(path).is_file():
        return Path(path).stem
    return folder_name(Path(path)) if Path(path).is_dir() else path


def folder_name(folder: Path) -> str:
    """Return the name of a model folder: ``"name"`` in ``trimtab.json``, or the folder's name.

    Raises
    ------
    FileError
        As in `model_defaults`.
    """
    return str(_own_file(folder).get("name") or folder.resolve().name)


def model_defaults(pipe: Any) -> dict[str, Any]:
    """Read the defaults in a model folder's ``trimtab.json``; empty if there is no such file.

    Raises
    ------
    FileError
        If the file is not a JSON object with valid numbers.
    """
    path = model_path(pipe)
    found = _own_file(Path(path)) if path else {}
    return {name: found[name] for name in NUMBERS if name in found}


def model_note(pipe: Any) -> str:
    """Return what a model folder's ``trimtab.json`` says that reports of it must tell, or "".

    Raises
    ------
    FileError
        As `model_defaults`.
    """
    path = model_path(pipe)
    return str(_own_file(Path(path)).get("note", "")) if path else ""


def model_facts(pipe: Any) -> dict[str, Any]:
    """Collect what identifies a model in a record: name, revision, fingerprints, scheduler.

    Returns
    -------
    dict
        JSON-serialisable. ``weights`` and ``picture`` are the two fingerprints described in
        `Fingerprint`, ``weights`` being the one named ``noise``. ``unread`` lists the parts with
        unreadable tensors, and their number. ``changed`` lists what has changed since `load_model`
        loaded the pipeline (``weights``, ``picture``, ``scheduler``); None if it was loaded
        otherwise.
    """
    loaded, now, scheduler = _LOADED.get(id(pipe)), fingerprint_of(pipe), scheduler_facts(pipe)
    changed = None
    if loaded:
        before = loaded.fingerprint
        differs = {
            "weights": now.noise != before.noise,
            "picture": now.noise == before.noise and now.picture != before.picture,
            "scheduler": scheduler != loaded.scheduler,
        }
        changed = [name for name, other in differs.items() if other]
    unread = Counter(name.partition(".")[0] for name in now.unread)
    return {
        "model": model_name(pipe),
        **(loaded.source if loaded else dict.fromkeys(("revision", "variant", "config"))),
        "changed": changed,
        "weights": now.noise,
        "picture": now.picture,
        "unread": [f"{part} ({n} tensors)" for part, n in sorted(unread.items())],
        "model_dtype": str(dtype_of(denoiser_of(pipe))).removeprefix("torch."),
        "family": family_of(pipe).name,
        **scheduler,
    }


def scheduler_facts(pipe: Any) -> dict[str, Any]:
    """Return the name and configuration of a pipeline's scheduler, JSON-serialisable."""
    # JSON has no infinity, but a scheduler's bounds may be infinite.
    config = {
        k: str(v) if isinstance(v, float) and not math.isfinite(v) else v
        for k, v in pipe.scheduler.config.items()
        if not k.startswith("_")
    }
    return {
        "scheduler": type(pipe.scheduler).__name__,
        "scheduler_config": json.loads(json.dumps(config, default=str, sort_keys=True)),
    }


def _own_file(folder: Path) -> dict[str, Any]:
    """Read ``trimtab.json`` in a model folder; empty if there is no such file."""
    file = folder / "trimtab.json"
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        found = str(error)
    if (
        not isinstance(found, dict)
        or found.keys() - {"name", "note", *NUMBERS}
        or not all(isinstance(found[name], int | float) for name in NUMBERS if name in found)
    ):
        raise FileError(
            got=f"{file} with {str(found)[:60]!r}",
            expected="a JSON object with name, note, num_inference_steps and guidance_scale, "
            'such as {"num_inference_steps": 25}',
            do="repair or delete the file",
        )
    return found
