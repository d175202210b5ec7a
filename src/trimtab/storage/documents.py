"""JSON documents: what they hold is checked, and a folder keeps the settings it was made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from trimtab.errors import FileError
from trimtab.storage.files import write_atomic


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with `write_atomic`."""
    write_atomic(
        path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    )


def read_json(path: Path, kind: str, *entries: str) -> dict[str, Any]:
    """Read a JSON object that trimtab wrote.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What its ``format`` entry must say.
    *entries : str
        Further entries that it must have, each an object itself.

    Raises
    ------
    FileError
        When it is missing, damaged, or of another kind or a later version.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(
            got=f"{path}, which cannot be read ({error})",
            expected=f"a file of format {kind}",
            do="check the path, or start in a new folder",
        ) from error
    ours = isinstance(value, dict) and (value.get("format"), value.get("version")) == (kind, 1)
    if not ours or not all(isinstance(value.get(entry), dict) for entry in entries):
        raise FileError(
            got=f"{path} of another kind",
            expected=", ".join((f"format {kind}, version 1", *(f"{e} {{…}}" for e in entries))),
            do="choose another folder",
        )
    return dict(value)


def require_kinds(path: Path, found: Mapping[str, Any], **kinds: Any) -> None:
    """Refuse entries of a JSON file that are missing, or not of their kind.

    Parameters
    ----------
    path : Path
        For the message.
    found : mapping
        As read from JSON.
    **kinds : type
        For each entry one such as ``int`` or ``dict[str, list[str]]``.

    Raises
    ------
    FileError
        Names the first entry that is wrong.
    """
    for name, kind in kinds.items():
        if not _is(found.get(name), kind):
            raise FileError(
                got=f"{path} with {_told(name, found.get(name), None)}",
                expected=f"{name} of kind {kind if get_origin(kind) else kind.__name__}",
                do="restore the file, or start in a new folder",
            )


def _is(value: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list:
        return isinstance(value, list) and all(_is(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_is(item, inner[1]) for item in value.values())
    return isinstance(value, kind) and not isinstance(value, bool)


def require_empty(folder: Path, maker: str) -> None:
    """Refuse a place that holds something else; hidden files do not count.

    Parameters
    ----------
    folder : Path
        Where new work shall go; it need not exist.
    maker : str
        The function whose own folders would have been welcome, for the message.

    Raises
    ------
    FileError
        When it is a file, or a folder with anything in it.
    """
    visible = folder.is_dir() and any(not f.name.startswith(".") for f in folder.iterdir())
    if visible or (folder.exists() and not folder.is_dir()):
        raise FileError(
            got=f"{folder}, which holds something else",
            expected=f"a new or empty folder, or one that {maker} made",
            do="choose another folder",
        )


def require_same_settings(folder: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse to go on in a folder that was made with other settings.

    Parameters
    ----------
    folder : Path
        For the message.
    found : mapping
        The settings in the folder, as read from JSON.
    asked : mapping
        The settings of this call.

    Raises
    ------
    FileError
        Names the first place where they differ, with both values.
    """
    asked = json.loads(json.dumps(asked))
    if different := _difference("", found, asked):
        name, mine, wanted = different
        raise FileError(
            got=f"{folder}, made with {_told(name, mine, wanted)}",
            expected=_told(name, wanted, mine),
            do="choose another folder, or the same settings to go on in this one",
        )


def _difference(name: str, found: Any, asked: Any) -> tuple[str, Any, Any] | None:
    """Find the first place within two JSON values that differs; what is missing counts as null."""
    if found == asked:
        return None
    if isinstance(found, Mapping) and isinstance(asked, Mapping):
        parts = [
            (f"{name}.{key}".lstrip("."), found.get(key), asked.get(key))
            for key in dict.fromkeys([*asked, *found])
        ]
    elif isinstance(found, list) and isinstance(asked, list) and _alike(name, found, asked):
        parts = [(f"{name}[{i}]", *pair) for i, pair in enumerate(zip(found, asked, strict=True))]
    else:
        return name, found, asked
    return next(filter(None, (_difference(*part) for part in parts)), None)


def _alike(name: str, found: list[Any], asked: list[Any]) -> bool:
    """Whether two lists are better told apart by an item than as wholes."""
    return len(found) == len(asked) and (name != "seeds" or found[0] == asked[0])


def _brief(value: Any) -> str | None:
    """Name what is in a list of attributes or of a steering's terms; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [one.get("name") or f"{one.get('strength')} {one.get('direction')}" for one in value]
    return ", ".join(map(str, names)) or "none"


def _told(name: str, value: Any, other: Any) -> str:
    """Write a setting and its value on at most a line, so that it differs from the other's."""
    if name == "seeds" and isinstance(value, list) and value:
        return f"{len(value)} seeds from {value[0]}"
    text, beside = (_brief(one) or json.dumps(one, ensure_ascii=False) for one in (value, other))
    if text == beside:
        text, beside = (json.dumps(one, ensure_ascii=False) for one in (value, other))
    if len(text) > 80:
        same = [a == b for a, b in zip(text, beside, strict=False)]
        start = max(0, [*same, False].index(False) - 30)
        text = f"{'…' * (start > 0)}{text[start : start + 77]}{'…' * (start + 77 < len(text))}"
    return f"{name} {text}"
