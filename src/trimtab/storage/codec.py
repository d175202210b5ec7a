"""Frozen dataclasses to JSON documents and back, checked by their own annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from trimtab.errors import FileError

T = TypeVar("T")


def to_document(value: Any) -> dict[str, Any]:
    """Return a dataclass as plain JSON values; NaN becomes null.

    Parameters
    ----------
    value : dataclass
        A value with annotated fields; nested dataclasses, tuples and mappings are allowed.
    """
    document: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return document


def from_document(kind: type[T], document: Mapping[str, Any], where: str) -> T:
    """Return a dataclass made from the result of `to_document`.

    Parameters
    ----------
    kind : type
        The dataclass.
    document : mapping
        Parsed JSON.
    where : str
        Where it was read from, for the message.

    Raises
    ------
    FileError
        If an entry is missing or invalid; the message names the first.
    """
    try:
        value: T = _adapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise FileError(
            got=f"{where} with {place}: {first['msg'].lower()}",
            expected=f"a {kind.__name__} as trimtab writes it",
            do="restore the file, or run the command again",
        ) from error
    return value


def json_schema(kind: type) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a dataclass's documents."""
    return _adapter(kind).json_schema(mode="serialization")


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
