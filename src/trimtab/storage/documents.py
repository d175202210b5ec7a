"""JSON documents: their canonical form, checks on reading, and differences between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from trimtab.errors import FileError, UsageError
from trimtab.storage.files import sha256, write_atomic

MOST_TOLD = 4
"""Number of entries named in a message."""


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Return a JSON object in canonical form, which its hash is computed from: sorted, in UTF-8.

    Raises
    ------
    UsageError
        If it cannot be written as JSON: numbers that are not finite, values of other types.
    """
    return to_json(document, sort_keys=True)


def to_json(document: Mapping[str, Any], *, sort_keys: bool = False) -> bytes:
    """Return a JSON object for people to read, with its entries in their own order.

    Raises
    ------
    UsageError
        As in `canonical_json`.
    """
    try:
        text = json.dumps(
            document, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys
        )
        return f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise UsageError(
            got=f"a record that cannot be written as JSON ({error})",
            expected="strings, finite numbers, lists and mappings",
            do="pass only such values",
        ) from error


def document_hash(document: Mapping[str, Any]) -> str:
    """Return the full SHA-256 of a document's canonical form."""
    return sha256(canonical_json(document))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with `write_atomic`, with its entries in their own order."""
    write_atomic(path, to_json(value))


def parse_document(data: bytes, where: str, kind: str, *entries: str) -> dict[str, Any]:
    """Parse a JSON object written by trimtab.

    Parameters
    ----------
    data : bytes
        The content of a file.
    where : str
        The name of the file, for messages.
    kind : str
        The required value of its ``format`` entry.
    *entries : str
        Other required entries, each of which is an object.

    Raises
    ------
    FileError
        If the file is damaged, of another kind or of a later version.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise FileError(
            got=f"{where}, which cannot be read ({error})",
            expected=f"a file of format {kind}",
            do="check the path, or start in a new folder",
        ) from error
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > 1 and value.get("format") == kind:
        raise FileError(
            got=f"{where} of version {version}",
            expected=f"format {kind}, version 1, which this trimtab reads",
            do="update trimtab",
        )
    ours = isinstance(value, dict) and (value.get("format"), version) == (kind, 1)
    if not ours or not all(isinstance(value.get(entry), dict) for entry in entries):
        raise FileError(
            got=f"{where} of another kind",
            expected=", ".join((f"format {kind}, version 1", *(f"{e} {{…}}" for e in entries))),
            do="choose another folder",
        )
    return dict(value)


def require_kinds(where: str | Path, found: Mapping[str, Any], **kinds: Any) -> None:
    """Check that entries of a JSON file exist and have the right type.

    Parameters
    ----------
    where : str or Path
        The name of the file, for the message.
    found : mapping
        The parsed JSON.
    **kinds : type
        The type of each entry, such as ``int`` or ``dict[str, list[str]]``.

    Raises
    ------
    FileError
        If an entry is invalid; the message names the first.
    """
    for name, kind in kinds.items():
        if not _is(found.get(name), kind):
            raise FileError(
                got=f"{where} with {_told(name, found.get(name), None)}",
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


class Difference(NamedTuple):
    """One difference between two JSON values; missing entries count as null.

    Attributes
    ----------
    entry : str
        The path, such as ``settings.height`` or ``intervention.steering.terms[0].strength``.
    found, asked : object
        The two values.
    """

    entry: str
    found: Any
    asked: Any


def differences(found: Any, asked: Any, entry: str = "") -> Iterator[Difference]:
    """Yield all differences between two JSON values, as deep as their shapes agree."""
    if found == asked:
        return
    if isinstance(found, Mapping) and isinstance(asked, Mapping):
        for key in dict.fromkeys([*asked, *found]):
            inner = f"{entry}.{key}".lstrip(".")
            yield from differences(found.get(key), asked.get(key), inner)
    elif isinstance(found, list) and isinstance(asked, list) and len(found) == len(asked):
        for i, (one, other) in enumerate(zip(found, asked, strict=True)):
            yield from differences(one, other, f"{entry}[{i}]")
    else:
        yield Difference(entry, found, asked)


def told_differences(found: Any, asked: Any) -> tuple[str, str]:
    """Return where two JSON values differ: entries with values, as found and as requested.

    Each side names at most four entries, with shortened values.
    """
    every = list(differences(found, asked))
    more = f" and {len(every) - MOST_TOLD} more" * (len(every) > MOST_TOLD)
    mine = ", ".join(_told(*one) for one in every[:MOST_TOLD])
    wanted = ", ".join(_told(one.entry, one.asked, one.found) for one in every[:MOST_TOLD])
    return mine + more, wanted + more


def _brief(value: Any) -> str | None:
    """Return the names in a list of attributes or of a steering's terms, otherwise None."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [one.get("name") or f"{one.get('strength')} {one.get('direction')}" for one in value]
    return ", ".join(map(str, names)) or "none"


def _told(name: str, value: Any, other: Any) -> str:
    """Return an entry and its value on at most one line that shows how it differs."""
    text, beside = (_brief(one) or json.dumps(one, ensure_ascii=False) for one in (value, other))
    if text == beside:
        text, beside = (json.dumps(one, ensure_ascii=False) for one in (value, other))
    if len(text) > 80:
        same = [a == b for a, b in zip(text, beside, strict=False)]
        start = max(0, [*same, False].index(False) - 30)
        text = f"{'…' * (start > 0)}{text[start : start + 77]}{'…' * (start + 77 < len(text))}"
    return f"{name} {text}"
