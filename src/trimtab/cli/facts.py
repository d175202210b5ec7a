"""The contents of a file, picture or store, and the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab import townsfolk
from trimtab.cli.comfyui import graph_of, told_graph
from trimtab.cli.options import EMBEDDED
from trimtab.cli.told import done_to, effect_of, in_a_row, lines, measured_of, targets_of
from trimtab.errors import FileError
from trimtab.generation.companions import direction_file, terms_of, where_made
from trimtab.generation.spec import FORMAT
from trimtab.interventions import (
    Adjustment,
    Direction,
    Intervention,
    find,
    written,
)
from trimtab.interventions.file import DIRECTION, FORMATS, MITIGATION, kind_of
from trimtab.interventions.hub import HUB_ID
from trimtab.storage import PictureIndex, PictureRow, Store, require_kinds
from trimtab.storage.decoder import UnreadableError, read_picture
from trimtab.storage.decoding import CHUNK
from trimtab.storage.pictures import record_of
from trimtab.storage.root import STORE_FILE

MODEL = {
    "revision": "--revision",
    "variant": "--variant",
    "config": "--config",
    "dtype": "--dtype",
}
"""Model property -> option of ``trimtab generate``."""
SETTINGS = {
    "num_inference_steps": "--num-inference-steps",
    "guidance_scale": "--guidance-scale",
    "negative_prompt": "--negative-prompt",
    "height": "--height",
    "width": "--width",
}
"""Run setting -> option of ``trimtab generate``."""
TAKEN = (
    "a direction or mitigation (file, folder or Hub id), a picture of trimtab or ComfyUI, or "
    "a store"
)
FIRST = ("prompt", "seed", "steering", "prompt_changed", "command", "no_command", "remark")
"""The facts about a picture that are printed before all others."""
KINDS = {"seed": int, "prompt": str, "settings": dict, "spec": str}


def inspected(item: str) -> tuple[dict[str, Any], str]:
    """Return the facts about an item, ready for JSON, and the same as text.

    Parameters
    ----------
    item : str
        The file, folder or Hub id of a direction or mitigation; a picture made by `generate`; or
        the folder or URL of a store.

    Raises
    ------
    FileError
        If it is none of these.
    """
    path = Path(item)
    if "://" in item or (path / STORE_FILE).is_file():
        return _of_store(Store.existing(item))
    if path.is_dir() and not any((path / kind.file).is_file() for kind in FORMATS):
        raise FileError(
            got=f"folder {item}",
            expected=f"a store with {STORE_FILE}, or a folder with {DIRECTION.file} or "
            f"{MITIGATION.file}",
            do="name a file in it",
        )
    if not path.exists() and not HUB_ID.fullmatch(item):
        raise FileError(got=f"{item}, which does not exist", expected=TAKEN, do="check the path")
    if path.is_file() and not _ours(path):
        return _of_picture(path)
    found = find(item)
    return _of_direction(found) if isinstance(found, Direction) else _of_mitigation(found)


def _ours(path: Path) -> bool:
    with path.open("rb") as content:
        return kind_of(content) is not None


def _of_direction(direction: Direction) -> tuple[dict[str, Any], str]:
    own = {"name": direction.name, "shape": list(direction.shape), "sha256": direction.hash}
    facts = DIRECTION.head() | own | {"provenance": direction.provenance}
    told = {key: fact for key, fact in direction.provenance.items() if key not in own}
    told["measured"] = measured_of(direction.provenance, {})
    return facts, lines(own | told | DIRECTION.head())


def _of_mitigation(mitigation: Intervention) -> tuple[dict[str, Any], str]:
    provenance = mitigation.provenance
    own = {"name": mitigation.name, "does": str(mitigation), "sha256": mitigation.hash}
    directions = {one.name: one for one, _ in mitigation.steering.terms}
    learned = {name: {"sha256": one.hash} | one.provenance for name, one in directions.items()}
    facts = MITIGATION.head() | own | mitigation.to_dict()
    told = {
        "name": mitigation.name,
        "effect": effect_of(mitigation),
        "measured": measured_of(provenance, provenance.get("target") or {}),
        "target": targets_of(provenance),
    }
    told |= {key: fact for key, fact in provenance.items() if key not in told}
    told |= {"sha256": mitigation.hash, **MITIGATION.head(), **learned}
    return facts | {"provenance": provenance, "directions": learned}, lines(told)


def _of_picture(path: Path) -> tuple[dict[str, Any], str]:
    try:
        picture = read_picture(path)
    except UnreadableError as error:
        got = f"{path} ({error.reason})"
        raise FileError(got=got, expected=TAKEN, do="check the path") from error
    graph = None if CHUNK in picture.info else graph_of(picture.info)
    if graph is not None:
        facts, told = told_graph(graph)
        return facts, lines(told)
    if CHUNK not in picture.info:
        raise FileError(
            got=f"picture {path} without a record of how it was made",
            expected="a PNG as trimtab or ComfyUI wrote it",
            do="name the original file: most programs drop the record when they save a picture",
        )
    record = record_of(picture, str(path))
    require_kinds(path, record, **KINDS)
    _require_terms(path, record)
    root = path.absolute().parents[4] if len(path.absolute().parents) > 4 else path
    store = Store(root) if (root / STORE_FILE).is_file() else None
    environment = {}
    if store is not None:
        rows = PictureIndex(store).rows(record["spec"], record["prompt"])
        found = [row.environment for row in rows if row.seed == record["seed"]]
        environment = {"environment": json.loads(found[0])} if found else {}
    changed = environment.get("environment", {}).get("changed")
    command = _command(record, record["prompt"], [record["seed"]], changed, store)
    facts = record | environment | command
    told = done_to(record) | facts
    first = {name: told.pop(name) for name in FIRST if name in told}
    return facts, lines(first | told | {"intervention": None})


def _of_store(store: Store) -> tuple[dict[str, Any], str]:
    index, specs = PictureIndex(store), []
    for name, spec in store.specs().items():
        if spec.get("format") != FORMAT:
            continue
        prompts: dict[str, list[PictureRow]] = {}
        for row in index.rows(name):
            prompts.setdefault(row.prompt, []).append(row)
        pictures = []
        for prompt, rows in prompts.items():
            seeds, environment = [row.seed for row in rows], json.loads(rows[0].environment)
            command = _command(spec, prompt, seeds, environment.get("changed"), store)
            pictures.append({"prompt": prompt, "seeds": seeds, **command})
        specs.append({"spec": name, **spec, "pictures": pictures})
    facts: dict[str, Any] = {"store": store.url, "threads": store.threads}
    facts |= {"results": store.results(), "specs": specs}
    told = [lines({**facts, "specs": None})]
    hidden = dict.fromkeys(("spec", "pictures", "intervention", "format", "version"))
    for one in specs:
        told += ["", lines({"spec": one["spec"], **done_to(one)})]
        told += [lines(pictures, "  ") for pictures in one["pictures"]]
        told.append(lines(one | hidden))
    return facts, "\n".join(told)


def _require_terms(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse a record whose intervention lacks directions or strengths."""
    try:
        if all(isinstance(t["hash"], str) and "strength" in t for t in terms_of(record)):
            return
    except (AttributeError, KeyError, TypeError):
        pass
    raise FileError(
        got=f"{path} with an intervention {record['intervention']}",
        expected="terms with direction, hash and strength",
        do="restore the file, or generate the picture again",
    )


def _command(
    spec: Mapping[str, Any],
    prompt: str,
    seeds: Sequence[int],
    changed: Sequence[str] | None,
    store: Store | None,
) -> dict[str, str]:
    """Return the command that generates these pictures again, or why there is none.

    Directions are taken from the store; one that is missing there is named by its hash.
    """
    facts = dict(spec.get("model") or {})
    place = where_made(store, [spec]) if store is not None and facts else {}
    model = place.get("model_path")
    facts["config"] = facts.get("config") or place.get("config")
    name = facts.get("name")
    if model is None and name is not None and "/" in name:
        model = name  # a Hub id
    if name in EMBEDDED and not (
        model and Path(model).exists() and Path(model) != townsfolk.model_folder(name)
    ):
        model = name  # wherever it is on this machine
    adjustment = (spec.get("intervention") or {}).get("adjustment")
    if model is not None and Path(model).is_dir():
        facts["revision"] = None  # a folder has none
    adjusted = None if adjustment is None else Adjustment.from_dict(adjustment)
    options = written(adjusted)
    why = {
        "the pictures were made elsewhere": not prompt,
        "the model was assembled in memory, or its location is unknown": model is None,
        f"changed after the model was loaded: {', '.join(changed or [])}": changed,
        "the seeds are not consecutive": not in_a_row(seeds),
        f"the command line has no option for: {adjusted}": options is None,
    }
    for reason, holds in why.items():
        if holds:
            return {"no_command": reason}
    command = ["trimtab", "generate", "--model", str(model)]
    command += ["--seed", str(seeds[0]), "--n", str(len(seeds))]
    for term in terms_of(spec):
        command += ["--steer", f"{_file(store, term['hash'])}={term['strength']}"]
    command += options or []
    known = [(facts.get(name), option) for name, option in MODEL.items()]
    known += [(spec["settings"].get(name), option) for name, option in SETTINGS.items()]
    for value, option in [*known, (spec.get("batch_size"), "--batch-size")]:
        if value is not None:
            command += [option, str(value)]
    end = ["--", prompt] if prompt[0] == "-" else [prompt]
    found = {"command": shlex.join([*command, "--out", "runs/again", *end])}
    if changed is None:
        found["remark"] = (
            "this loads the model unmodified: whether its weights or scheduler had been changed "
            "is not recorded here"
        )
    return found


def _file(store: Store | None, name: str) -> str:
    file = direction_file(store, name) if store is not None else None
    if store is None or file is None or store.folder is None:
        return f"FILE-OF-{name[:12]}"
    return str(store.folder.absolute() / file)
