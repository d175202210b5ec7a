"""What a direction, a picture or a run says of itself, and the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab import townsfolk
from trimtab.cli.options import EMBEDDED
from trimtab.errors import FileError
from trimtab.generation.folder import FORMAT, require_terms
from trimtab.generation.images import RUN_FILE
from trimtab.generation.png import read_record
from trimtab.interventions import Direction
from trimtab.interventions.direction import FORMAT as DIRECTION_FORMAT
from trimtab.interventions.sharing import FILE
from trimtab.storage import read_json, require_kinds

OPTIONS = {
    "revision": "--revision",
    "variant": "--variant",
    "config": "--config",
    "model_dtype": "--dtype",
    "num_inference_steps": "--inference-steps",
    "guidance_scale": "--guidance",
    "negative_prompt": "--negative-prompt",
    "height": "--height",
    "width": "--width",
    "batch_size": "--batch-size",
}
"""Setting of a run -> option of ``trimtab generate``."""
WIDTH = 22  # columns of a fact's name
KINDS = {"seed": int, "settings": dict, "steering": dict[str, list[dict]]}  # type: ignore[type-arg]


def inspected(item: str) -> tuple[dict[str, Any], str]:
    """Return the facts of a thing, JSON-able, and the same as text.

    Parameters
    ----------
    item : str
        A direction's file, folder or Hub id; a picture that `generate` made; a run's folder.

    Raises
    ------
    FileError
        When it is none of these.
    """
    path = Path(item)
    if path.suffix.lower() == ".png":
        return _of_picture(path)
    if (path / RUN_FILE).is_file():
        return _of_run(path)
    if path.is_dir() and not (path / FILE).is_file():
        raise FileError(
            got=f"folder {item}",
            expected=f"a run's folder with {RUN_FILE}, or one with {FILE}",
            do="name a file in it",
        )
    return _of_direction(Direction.find(item))


def _of_direction(direction: Direction) -> tuple[dict[str, Any], str]:
    own = {"name": direction.name, "shape": list(direction.shape), "sha256": direction.hash}
    facts = DIRECTION_FORMAT | own | {"provenance": direction.provenance}
    told = {key: fact for key, fact in direction.provenance.items() if key not in own}
    return facts, _lines(own | told | DIRECTION_FORMAT)


def _of_picture(path: Path) -> tuple[dict[str, Any], str]:
    record = read_record(path)
    require_kinds(path, record, **KINDS)
    require_terms(path, record["steering"])
    run = path.absolute().parent.parent
    place = record.get("model_path")
    settings = record["settings"] | {key: record.get(key) for key in ("prompt", "steering")}
    if (run / RUN_FILE).is_file():  # local paths are not written into pictures
        whole = read_json(run / RUN_FILE, FORMAT, "settings")
        place = place or whole.get("model_path")
        settings["config"] = settings.get("config") or whole["settings"].get("config")
    command = _command(settings, [record["seed"]], place, run)
    return record | command, _lines(record | record["settings"] | {"settings": None} | command)


def _of_run(folder: Path) -> tuple[dict[str, Any], str]:
    file = folder / RUN_FILE
    run = read_json(file, FORMAT, "settings")
    settings = run["settings"]
    require_kinds(file, settings, seeds=list[int])
    require_terms(file, settings.get("steering"))
    command = _command(settings, settings["seeds"], run.get("model_path"), folder.absolute())
    return run | command, _lines({**settings, "versions": run.get("versions"), **command})


def _command(
    settings: Mapping[str, Any], seeds: Sequence[int], model_path: str | None, run: Path
) -> dict[str, str]:
    """Return the command that makes these pictures again, or why there is none.

    A direction is looked for in the folder of the run; one that is not there is named by its hash.
    """
    model = model_path
    if settings.get("model") == EMBEDDED and not (
        model_path and Path(model_path).exists() and Path(model_path) != townsfolk.model_folder()
    ):
        model = EMBEDDED  # wherever it lies on this machine
    changed = settings.get("changed")
    terms = (settings.get("steering") or {}).get("terms", [])
    why = {
        "the pictures were made elsewhere": not settings.get("prompt"),
        "the model was put together in memory, or its place is not known": model is None,
        f"changed after the model was loaded: {', '.join(changed or [])}": changed,
        "the seeds do not follow each other": not _in_a_row(seeds),
        "strengths differ from picture to picture: inspect one of them": any(
            isinstance(term.get("strength"), list) for term in terms
        ),
    }
    for reason, holds in why.items():
        if holds:
            return {"no_command": reason}
    words = ["trimtab", "generate", "--model", str(model)]
    words += ["--seed", str(seeds[0]), "--n", str(len(seeds))]
    for term in terms:
        file = run / "directions" / f"{term['hash'][:12]}.safetensors"
        name = str(file) if file.is_file() else f"FILE-OF-{term['hash'][:12]}"
        words += ["--steer", f"{name}={term.get('strength')}"]
    for setting, option in OPTIONS.items():
        if settings.get(setting) is not None:
            words += [option, str(settings[setting])]
    end = ["--", settings["prompt"]] if settings["prompt"][0] == "-" else [settings["prompt"]]
    found = {"command": shlex.join([*words, "--out", "runs/again", *end])}
    remarks = []
    if "seeds" not in settings and settings.get("batch_size") != 1:  # one picture of a run
        remarks.append("equal up to rounding: in its run it may have been in a larger batch")
    if changed is None:
        remarks.append(
            "with the model as it is loaded there: trimtab did not load it, and has not seen "
            "whether its weights or scheduler were changed"
        )
    return found | ({"remark": "; ".join(remarks)} if remarks else {})


def _in_a_row(numbers: Sequence[int]) -> bool:
    return bool(numbers) and list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))


def _lines(facts: Mapping[str, Any], indent: str = "") -> str:
    told = []
    for name, value in facts.items():
        if value is None or value == {} or value == []:
            continue
        title = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            told += [title, _lines(value, indent + "  ")]
        elif isinstance(value, list) and isinstance(value[0], Mapping):
            told += [title, *(f"{indent}  {_told(one)}" for one in value)]
        else:
            told.append(f"{title:<{WIDTH}} {_told(value)}")
    return "\n".join(told)


def _told(value: Any) -> str:
    whole = isinstance(value, list) and len(value) > 8 and all(isinstance(v, int) for v in value)
    if whole and _in_a_row(value):
        return f"{len(value)}, from {min(value)} to {max(value)}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and all(isinstance(v, float) for v in value):
        return ", ".join(map(_told, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
