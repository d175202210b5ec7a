"""The result of running panels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from trimtab.drawing.words import number_of
from trimtab.generation.selection import Key
from trimtab.storage import Store
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.panel_records import Added, Elsewhere, PanelOutcome, Transfer
from trimtab.workflows.records import Arm, Role, View
from trimtab.workflows.result import Result
from trimtab.workflows.sensitivity_result import SensitivityResult

NEAR = 0.10
"""A share this close to its target has reached it; the panels are held to this."""


@dataclass(frozen=True, kw_only=True)
class PanelsResult(Result):
    """The result of running panels: each one's mitigation and grid, and what they say together.

    Attributes
    ----------
    panels : tuple of PanelOutcome
        The panels, in the order of the list.
    added : tuple of Added
        For panels of several attributes: whether the effects of their directions add up.
    transfers : tuple of Transfer
        Directions applied to the prompts of other panels of the same attribute.
    elsewhere : tuple of Elsewhere
        The first panel's mitigation at other guidance scales and numbers of steps.
    sensitivity : SensitivityResult, optional
        Whether the pictures of the first panel's prompt follow their noise; None if the recogniser
        cannot embed pictures, or it was not asked for.
    recogniser : str
        Name of the recogniser used for decisions.
    planned, made : int
        Number of pictures: the maximum, and the actual one.
    """

    FORMAT: ClassVar[str] = "trimtab-panels"

    panels: tuple[PanelOutcome, ...]
    added: tuple[Added, ...]
    transfers: tuple[Transfer, ...]
    elsewhere: tuple[Elsewhere, ...]
    sensitivity: SensitivityResult | None
    recogniser: str
    planned: int
    made: int

    @property
    def judge(self) -> Role:
        """Whose figures to report: the oracle's, if there is one."""
        views = self.panels[0].mitigation.arms[0].views
        return "oracle" if any(view.role == "oracle" for view in views) else "recogniser"

    def mitigations(self) -> Iterator[MitigationResult]:
        """Yield every mitigation, also those with an adjustment."""
        for panel in self.panels:
            yield panel.mitigation
            if panel.adjusted is not None and panel.adjusted.both is not None:
                yield panel.adjusted.both

    def files(self) -> tuple[str, ...]:
        """Return the files of all mitigations."""
        return tuple(dict.fromkeys(file for one in self.mitigations() for file in one.files()))

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures of every mitigation."""
        alone = [
            (panel.adjusted.arm.spec, panel.prompt, seed)
            for panel in self.panels
            if panel.adjusted is not None
            for seed in range(*panel.adjusted.arm.seeds)
        ]
        parts = (*self.mitigations(), *filter(None, [self.sensitivity]))
        own = (key for one in parts for key in one.keys())  # noqa: SIM118
        return list(dict.fromkeys([*own, *alone]))

    def _in(self, store: Store) -> Self:
        for one in (*self.mitigations(), *filter(None, [self.sensitivity])):
            one._in(store)
        return super()._in(store)

    def __str__(self) -> str:
        """Return one line per panel and attribute: shares of the known pictures."""
        head = (
            f"{number_of(len(self.panels), 'panel')}, judged by the {self.judge}, "
            f"n = {self.panels[0].mitigation.arms[0].n}"
        )
        columns = (
            f"  {'panel':<58}{'target':>7}{'before':>8}{'after':>7}{'interval':>15}{'DR':>6}"
            f"{'kept':>12}{'step':>6}{'weight':>8}"
        )
        return "\n".join(
            [head, columns, *(line for one in self.panels for line in self._lines(one))]
        )

    def _lines(self, panel: PanelOutcome) -> Iterator[str]:
        result = panel.mitigation
        strengths = strengths_of(result)
        for one in result.attributes:
            name, towards = one.learned.attribute, one.learned.towards
            shown = f"{panel.prompt}: {towards}"
            before, after = (
                _figures(arm, self.judge, name, towards) for arm in (result.arms[0], final(result))
            )
            yield (
                f"  {shown:<58}{one.target.shares[towards]:>7.2f}{before.share:>8}{after.share:>7}"
                f"{after.interval:>15}{after.ratio:>6}{f'{before.kept} → {after.kept}':>12}"
                f"{one.learned.step:>6}{strengths[name]:>8.2f}"
            )


def judged_by(arm: Arm, role: Role, attribute: str) -> View | None:
    """Return the view of a role; the recogniser's, if the role does not know the attribute."""
    view = arm.view(role)
    return view if view is not None and view.of(attribute) is not None else arm.view()


def final(result: MitigationResult) -> Arm:
    """Return the arm that a mitigation's file makes: the sum, or that of the only direction."""
    roles = {arm.role: arm for arm in reversed(result.arms)}
    return roles.get("sum") or roles["single"]


def strengths_of(result: MitigationResult) -> dict[str, float]:
    """Return the strengths in a mitigation's file, by attribute."""
    if result.joint is not None:
        return result.joint.strengths
    return {one.learned.attribute: one.strength for one in result.attributes}


@dataclass(frozen=True)
class _Told:
    share: str = "–"
    interval: str = ""
    ratio: str = "–"
    kept: str = "–"


def _figures(arm: Arm, role: Role, attribute: str, towards: str) -> _Told:
    view = judged_by(arm, role, attribute)
    figures = view.of(attribute) if view else None
    if view is None or figures is None:
        return _Told()
    share = figures.known_share(towards)
    return _Told(
        f"{share.value:.2f}",
        f"[{share.low:.2f}, {share.high:.2f}]",
        f"{figures.deviation_ratio.value:.2f}",
        "–" if view.concept_kept is None else f"{view.concept_kept.value:.2f}",
    )
