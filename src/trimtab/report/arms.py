"""Access to the arms of a result, their figures and who judged them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from trimtab.errors import FileError
from trimtab.metrics import Comparison, Difference, Figures
from trimtab.statistics import Share
from trimtab.workflows.records import Arm, Change, Mitigated, Role, View
from trimtab.workflows.results import MitigationResult

ROLES: tuple[Role, ...] = ("recogniser", "oracle", "second")
ORDER = ("plain", "adjusted", "single", "sum", "generic", "random")
Judged = TypeVar("Judged", View, Change)


def by_role(judged: Iterable[Judged]) -> dict[Role, Judged]:
    """Return views or changes by role, the recogniser first."""
    found = {one.role: one for one in judged}
    return {role: found[role] for role in ROLES if role in found}


def arm_of(result: MitigationResult, role: str) -> Arm | None:
    """Return the first arm with a role."""
    return next((arm for arm in result.arms if arm.role == role), None)


@dataclass(frozen=True)
class Subject:
    """One mitigated attribute of a result, with its figures."""

    result: MitigationResult
    one: Mitigated

    @property
    def attribute(self) -> str:
        """Name of the attribute."""
        return self.one.learned.attribute

    @cached_property
    def arms(self) -> list[Arm]:
        """Arms that concern the attribute, in the order of `ORDER`."""
        mine = [arm for arm in self.result.arms if arm.attribute in (None, self.attribute)]
        return sorted(mine, key=lambda arm: ORDER.index(arm.role))

    @cached_property
    def plain(self) -> Arm:
        """Arm of the pictures without steering."""
        arm = arm_of(self.result, "plain")
        if arm is None:
            raise broken("no plain pictures")
        return arm

    @cached_property
    def steered(self) -> Arm | None:
        """Arm steered for this attribute alone; without one, the arm of the sum."""
        found = {arm.role: arm for arm in reversed(self.arms)}
        return found.get("single") or found.get("sum")

    @cached_property
    def before(self) -> Figures:
        """Figures of the attribute in the plain pictures, by the recogniser."""
        view = self.plain.view()
        found = view.of(self.attribute) if view else None
        if found is None or self.one.learned.towards not in found.shares:
            raise broken(f"no plain share of {self.one.learned.towards!r} ({self.attribute})")
        return found

    @property
    def group(self) -> str:
        """The group that the direction points to, which the target is about."""
        return self.one.learned.towards

    @cached_property
    def roles(self) -> list[Role]:
        """Roles that judged, the recogniser first."""
        return list(by_role(self.plain.views))

    def figures(self, arm: Arm | None, role: Role = "recogniser") -> Figures | None:
        """Return the figures of the attribute in an arm."""
        view = arm.view(role) if arm else None
        found = view.of(self.attribute) if view else None
        if arm and found and found.groups != self.before.groups:
            raise broken(f"other groups of {self.attribute} in {arm.name!r} than in plain")
        return found

    def kept(self, arm: Arm, role: Role = "recogniser") -> Share | None:
        """Return the share of an arm's pictures that keep the concept."""
        view = arm.view(role)
        return view.concept_kept if view else None

    def seen(self) -> Iterator[tuple[Arm, Role, Figures]]:
        """Yield (arm, role, figures) for every arm and role."""
        for arm in self.arms:
            for role in self.roles:
                figures = self.figures(arm, role)
                if figures:
                    yield arm, role, figures

    def comparison(self, arm: Arm | None, role: Role = "recogniser") -> Comparison | None:
        """Return the comparison of an arm with plain."""
        change = arm.change(role) if arm else None
        return change.of(self.attribute) if change else None

    def row(self, arm: Arm | None, group: str, role: Role = "recogniser") -> Difference | None:
        """Return the change of one group's share in an arm relative to plain."""
        comparison = self.comparison(arm, role)
        rows = comparison.rows if comparison else ()
        return next((row for row in rows if row.group == group), None)


def broken(what: str) -> FileError:
    """Return an error for an incomplete result."""
    return FileError(
        got=f"a result with {what}",
        expected="a complete result, as returned by a workflow",
        do="run the workflow again",
    )
