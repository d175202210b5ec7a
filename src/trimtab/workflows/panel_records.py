"""The parts of a `PanelsResult`, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trimtab.statistics import Dose, Estimate, Response, Share
from trimtab.statistics.numbers import Number
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.records import Arm, Role, Seeds


@dataclass(frozen=True)
class GridShare:
    """The share of one group over a grid of steps and weights.

    Attributes
    ----------
    attribute, towards : str
        The attribute, and the group moved to.
    plain : Dose
        Counts without steering.
    cells : tuple of tuples of Dose
        Counts by step, then by weight.
    step, weight, interaction : Estimate, optional
        Parts of the variance of the share over the grid that the step explains, that the weight
        explains, and that neither explains alone; None for a grid with a single step or weight.
    """

    attribute: str
    towards: str
    plain: Dose
    cells: tuple[tuple[Dose, ...], ...]
    step: Estimate | None
    weight: Estimate | None
    interaction: Estimate | None


@dataclass(frozen=True)
class Grid:
    """Pictures of the same calibration seeds, at every step and weight that were fixed beforehand.

    Attributes
    ----------
    steps : tuple of int
        Numbers of completed steps after which the directions were learned.
    weights : tuple of float
        Strengths, in standard deviations of the noise; of several directions, each one's.
    seeds : tuple of int
        First seed, and the seed after the last.
    shares : tuple of GridShare
        One per attribute.
    """

    steps: tuple[int, ...]
    weights: tuple[float, ...]
    seeds: Seeds
    shares: tuple[GridShare, ...]


@dataclass(frozen=True)
class Adjusted:
    """A panel moved by a shift of the prompt's embeddings, alone and together with the direction.

    Attributes
    ----------
    where : {"all", "after"}
        Tokens that are shifted: all, or those after the words.
    response : Response
        Dose-response of the shift alone; strengths are multiples of the difference.
    strength : float
        Strength of the shift alone.
    limited_by : {"concept", "range", "response"}, optional
        What kept the strength from the one that meets the target.
    arm : Arm
        Audit pictures with the shift alone.
    both : MitigationResult, optional
        The mitigation with half this strength in place; None if no strength was found.
    """

    where: Literal["all", "after"]
    response: Response
    strength: float
    limited_by: Literal["concept", "range", "response"] | None
    arm: Arm
    both: MitigationResult | None


@dataclass(frozen=True)
class PanelOutcome:
    """One panel.

    Attributes
    ----------
    title, prompt : str
        The panel as listed, and its prompt.
    listed : dict of str to str
        The groups that the list names, by attribute.
    even : tuple of str
        Attributes whose plain shares were equal already, so that they were moved on.
    mitigation : MitigationResult
        The calibrated directions, and their effect.
    grid : Grid
        The share and the concept at every step and weight.
    adjusted : Adjusted, optional
        The same by an adjustment of the prompt, if the list asks for it.
    """

    title: str
    prompt: str
    listed: dict[str, str]
    even: tuple[str, ...]
    mitigation: MitigationResult
    grid: Grid
    adjusted: Adjusted | None


@dataclass(frozen=True)
class Carried:
    """The effect of a direction on pictures that it was not learned for, by one recogniser.

    Attributes
    ----------
    role : {"recogniser", "oracle"}
        Who judged.
    before, after : Share
        Shares of the group, of the known pictures.
    concept_kept : Share, optional
        Share of steered pictures that show what was asked for.
    """

    role: Role
    before: Share
    after: Share
    concept_kept: Share | None


@dataclass(frozen=True)
class Transfer:
    """One cell of a transfer table.

    Attributes
    ----------
    attribute, towards : str
        The attribute, and the group moved to.
    learned_on, applied_to : str
        Prompts: of the panel that the direction and its strength are from, and of the pictures.
    target : float
        Target share of that group on the second prompt.
    strength : float
        Strength, negative if the first panel moves to the other group.
    judged : tuple of Carried
        The effect, by recogniser and oracle.
    """

    attribute: str
    towards: str
    learned_on: str
    applied_to: str
    target: float
    strength: float
    judged: tuple[Carried, ...]


@dataclass(frozen=True)
class Added:
    """Whether the effects of two directions add up, by one recogniser.

    Attributes
    ----------
    panel : str
        Title of the panel.
    groups : tuple of str
        The group of each of the two attributes.
    role : {"recogniser", "oracle"}
        Who judged.
    plain, steered : Share
        Share of pictures that show both groups, of those in which both attributes are known.
    predicted : float
        Share of both in the steered pictures if the two were independent.
    excess : Estimate
        Seen minus predicted.
    cosine : float
        Cosine of the two directions, as learned.
    """

    panel: str
    groups: tuple[str, str]
    role: Role
    plain: Share
    steered: Share
    predicted: Number
    excess: Estimate
    cosine: Number


@dataclass(frozen=True)
class Elsewhere:
    """The effect of a mitigation at other settings than those at which it was measured.

    Attributes
    ----------
    panel : str
        Title of the panel.
    setting : str
        Name of the changed setting, as in diffusers.
    usual, changed : float
        Its value in the panel, and here.
    attribute, towards : str
        The attribute, and the group moved to.
    judged : tuple of Carried
        The effect, by recogniser and oracle.
    """

    panel: str
    setting: str
    usual: float
    changed: float
    attribute: str
    towards: str
    judged: tuple[Carried, ...]
