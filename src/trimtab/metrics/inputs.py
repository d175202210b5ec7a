"""Normalise and check the inputs of an `AuditFrame`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trimtab.concepts import Target
from trimtab.concepts.target import CROSS
from trimtab.errors import UsageError
from trimtab.metrics.figures import Metric
from trimtab.recognition import Labels, Observations


def labels_by_attribute(
    given: Observations | Labels | Sequence[Labels], attributes: str | Sequence[str] | None
) -> dict[str, Labels]:
    """Return the labels of each requested attribute, all of the same pictures."""
    names = [attributes] if isinstance(attributes, str) else attributes
    if isinstance(given, Observations):
        every = [given.labels(name) for name in names or given.attributes]
    else:
        every = [given] if isinstance(given, Labels) else list(given)
    found = {labels.attribute: labels for labels in every}
    if len(found) < len(every) or not found:
        raise UsageError(
            got=f"labels of {', '.join(labels.attribute for labels in every) or 'no attribute'}",
            expected="one set of labels for each attribute",
            do="classify the pictures by each attribute once",
        )
    if names is not None:
        if strange := [name for name in names if name not in found]:
            raise UsageError(
                got=f"the attribute {strange[0]!r}",
                expected=f"one of {', '.join(found)}",
                do="choose one of these, or classify the pictures by it",
            )
        found = {name: found[name] for name in names}
    first, *others = found.values()
    if len(first) == 0:
        raise UsageError(got="no labels", expected="at least one", do="classify some pictures")
    for other in others:
        if not (
            np.array_equal(first.seeds, other.seeds)
            and np.array_equal(first.prompts, other.prompts)
        ):
            raise UsageError(
                got=f"{other.attribute} labels of other pictures than {first.attribute}",
                expected="labels of the same pictures, in the same order",
                do="audit them separately",
            )
    return found


def targets_by_name(names: Sequence[str], target: Any) -> dict[str, Any]:
    """Return the target of each attribute or intersection that is named."""
    if not target:
        return {}
    if isinstance(target, Target) or not any(
        isinstance(value, Target | Mapping) for value in target.values()
    ):
        if len(names) > 1:
            raise UsageError(
                got=f"one target for {len(names)} attributes",
                expected=f"a mapping from attribute to target: {', '.join(names)}",
                do=f'write target={{"{names[0]}": …}}',
            )
        return {names[0]: target}
    for name in target:
        parts = str(name).split(CROSS)
        if parts != [one for one in names if one in parts]:
            raise UsageError(
                got=f"a target for {name!r}",
                expected=f"one of {', '.join(names)}, or several of them in this order with "
                f"{CROSS!r} between",
                do="correct the name",
            )
    return dict(target)


def checked_metrics(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    """Return the metrics after checking that each is callable and hashable."""
    for name, metric in (metrics or {}).items():
        if not callable(metric) or getattr(metric, "__hash__", None) is None:
            raise UsageError(
                got=f"{type(metric).__name__} as the metric {name!r}",
                expected="a function from shares and target to a number",
                do="see AuditFrame",
            )
    return dict(metrics or {})
