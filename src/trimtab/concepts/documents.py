"""Reading YAML files, and checking their form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from trimtab.errors import FileError, UsageError, first_line

_T = TypeVar("_T")


def read_document(path: Path, build: Callable[[Any], _T]) -> _T:
    """Return what is built from the document in a YAML file.

    Raises
    ------
    FileError
        If the file is missing, is not one YAML document, or nothing can be built from it.
    """
    try:
        return build(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            got=f"{str(path)!r}, which cannot be read ({first_line(error)})",
            expected="a YAML file in UTF-8",
            do="check the path",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise FileError(
            got=f"{str(path)!r}, which is not one YAML document{where}",
            expected="one document per file",
            do="correct that line",
        ) from error
    except UsageError as error:
        raise FileError(
            got=f"{error.got}, in {str(path)!r}", expected=error.expected, do=error.do
        ) from error


def is_file(name: object) -> bool:
    """Return whether a name is the path of a YAML file, and not a name in the package."""
    return isinstance(name, os.PathLike) or str(name).endswith((".yaml", ".yml"))


def names_in(folder: Traversable) -> tuple[str, ...]:
    """Return the names of the YAML files in a folder of the package, sorted."""
    names = (one.name for one in folder.iterdir() if one.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in names))


def shipped(folder: Traversable, name: str) -> Any:
    """Return the document of a YAML file in a folder of the package."""
    return yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


def mapping_of(value: Any, what: str, allowed: tuple[str, ...]) -> Mapping[str, Any]:
    """Return a mapping that has no other keys than the allowed ones.

    Raises
    ------
    UsageError
        If it is not a mapping, or has another key.
    """
    if not isinstance(value, Mapping):
        raise UsageError(
            got=f"{type(value).__name__} as {what}",
            expected=f"a mapping with {', '.join(allowed)}",
            do="see those that ship with trimtab for the form",
        )
    strange = [str(key) for key in value if key not in allowed]
    if strange:
        raise UsageError(
            got=f"the key {strange[0]!r} in {what}",
            expected=f"only {', '.join(allowed)}",
            do="correct or remove it",
        )
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """Return a list that is not empty.

    Raises
    ------
    UsageError
        If it is empty, or not a list.
    """
    if not isinstance(value, list) or not value:
        raise UsageError(got=f"{value!r} as {what}", expected="a list", do=f"list {what}")
    return value
