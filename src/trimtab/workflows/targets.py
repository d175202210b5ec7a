"""The targets of several attributes, from any of the accepted forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.concepts import Attribute, Target
from trimtab.errors import UsageError

Targets = Target | Mapping[str, float] | Mapping[str, Target | Mapping[str, float]] | None


def targets_of(attributes: Sequence[Attribute], given: Targets) -> dict[str, Target]:
    """Return the target of each attribute; default equal shares.

    Parameters
    ----------
    attributes : sequence of Attribute
        Attributes that may have a target.
    given : Target or mapping, optional
        Target of the only attribute, or targets by attribute name.

    Raises
    ------
    UsageError
        If an attribute or group is unknown, or a single target is given for several attributes.
    """
    names = {one.name: one.names for one in attributes}
    by_name: dict[str, Any] = {}
    if isinstance(given, Mapping) and not all(isinstance(v, int | float) for v in given.values()):
        by_name = dict(given)
    elif isinstance(given, Target) or given:
        if len(names) > 1:
            raise UsageError(
                got=f"one target for {', '.join(names)}",
                expected="a target for each attribute, by name",
                do=f"write {{{next(iter(names))!r}: …}}",
            )
        by_name = {next(iter(names)): given}
    if unknown := by_name.keys() - names.keys():
        raise UsageError(
            got=f"a target for the attribute {min(unknown)!r}",
            expected=f"one of {', '.join(names)}",
            do="correct the name",
        )
    return {name: Target.of(groups, by_name.get(name)) for name, groups in names.items()}
