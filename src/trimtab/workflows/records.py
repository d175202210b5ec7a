"""The parts of results, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from trimtab.concepts import Target
from trimtab.metrics import Comparison, Figures, Spillover
from trimtab.statistics import Accuracy, Estimate, Response, Share

Seeds = tuple[int, int]
"""The first seed, and the seed after the last."""
Role = Literal["recogniser", "oracle", "second"]
"""The recogniser used for decisions, or the oracle or a second recogniser, only reported."""


@dataclass(frozen=True)
class SourceFile:
    """A file of pictures made elsewhere.

    Attributes
    ----------
    name : str
        Its name in the folder; bytes that are not UTF-8 are written as escapes.
    picture : str
        Hash of the picture's content; empty if it could not be read.
    status : {"read", "blocked", "unreadable"}
        "blocked": nothing is visible in it, or a safety checker blacked it out.
    reason : str
        Why it is blocked or unreadable; otherwise empty.
    """

    name: str
    picture: str
    status: Literal["read", "blocked", "unreadable"]
    reason: str = ""


@dataclass(frozen=True)
class View:
    """Figures of one set of pictures by one recogniser.

    Attributes
    ----------
    role : {"recogniser", "oracle", "second"}
        Whether it is used for decisions or only reported.
    name : str
        Name of the recogniser.
    figures : tuple of Figures
        Figures of every attribute asked or watched, over all prompts.
    intersections : tuple of Figures
        Figures of the intersection of the attributes mitigated or audited together.
    concept_kept : Share, optional
        Share of pictures that show what was asked for; None if it was not judged.
    alignment : Estimate, optional
        Mean cosine of picture and prompt, −1 to 1; None if the recogniser cannot compute it.
    """

    role: Role
    name: str
    figures: tuple[Figures, ...]
    intersections: tuple[Figures, ...] = ()
    concept_kept: Share | None = None
    alignment: Estimate | None = None

    def of(self, attribute: str) -> Figures | None:
        """Return the figures of an attribute; None if this recogniser does not know it."""
        return next((one for one in self.figures if one.attribute == attribute), None)


@dataclass(frozen=True)
class Change:
    """Changes of a set of pictures relative to the plain ones of the same prompts and seeds.

    Attributes
    ----------
    role : {"recogniser", "oracle", "second"}
        Who observed the pictures.
    comparisons : tuple of Comparison
        Comparisons of all attributes.
    spillover : tuple of Spillover
        Changes of the attributes that these pictures were not steered by.
    """

    role: Role
    comparisons: tuple[Comparison, ...]
    spillover: tuple[Spillover, ...]

    def of(self, attribute: str) -> Comparison | None:
        """Return the comparison of an attribute; None if there is none."""
        return next((one for one in self.comparisons if one.attribute == attribute), None)


@dataclass(frozen=True)
class Preservation:
    """How close pictures stay to the plain ones of the same seeds.

    Attributes
    ----------
    psnr : Estimate, optional
        Mean peak signal-to-noise ratio in dB, over the pairs that differ.
    cosine : Estimate, optional
        Mean cosine of the image embeddings.
    identical : float
        Share of pairs that are equal, 0 to 1.
    """

    psnr: Estimate | None
    cosine: Estimate | None
    identical: float


@dataclass(frozen=True)
class Arm:
    """One set of audit pictures of a study.

    Attributes
    ----------
    name : str
        Unique in the study: "plain", "gender", "gender + skin tone", "random 1: gender" …
    role : {"plain", "adjusted", "single", "sum", "generic", "random"}
        What was done: nothing, only the adjustment of the prompt, or an addition to the noise: the
        learned direction of one attribute, the sum of all directions, the paper's generic
        direction, a random one. If there is an adjustment, all but the plain pictures have it.
    attribute : str, optional
        Attribute of the direction; None for plain and adjusted pictures, and for the sum.
    spec : str
        Full hash of the pictures' spec in the store.
    intervention : dict
        Record of the intervention.
    n : int
        Number of pictures, over all prompts.
    seeds : tuple of int
        First seed of each prompt, and the seed after the last.
    views : tuple of View
        Figures of the recogniser and, if there is one, of the oracle.
    by_prompt : dict of str to tuple of View
        The same by prompt; empty if there is only one prompt.
    changes : tuple of Change
        Changes relative to plain, one per view; empty for the plain pictures.
    preservation : Preservation, optional
        Closeness to the plain pictures; None for the plain pictures.
    """

    name: str
    role: Literal["plain", "adjusted", "single", "sum", "generic", "random"]
    attribute: str | None
    spec: str
    intervention: dict[str, Any]
    n: int
    seeds: Seeds
    views: tuple[View, ...]
    by_prompt: dict[str, tuple[View, ...]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    preservation: Preservation | None = None

    @property
    def label(self) -> str:
        """Name among the arms of the same attribute: "steered", "random 1"."""
        known = {
            "adjusted": "adjustment alone",
            "single": "steered",
            "sum": "sum of directions",
            "generic": "generic SVM",
        }
        return known.get(self.role) or self.name.partition(":")[0]

    def view(self, role: Role = "recogniser") -> View | None:
        """Return the figures of the recogniser or the oracle."""
        return next((one for one in self.views if one.role == role), None)

    def change(self, role: Role = "recogniser") -> Change | None:
        """Return the changes relative to plain, by the recogniser or the oracle."""
        return next((one for one in self.changes if one.role == role), None)


@dataclass(frozen=True)
class Reached:
    """The share of an attribute's group expected at the chosen strengths, from calibration seeds.

    A refinement that ended by "precision" measured it there; otherwise the last correction of the
    strengths may not have been measured.
    """

    attribute: str
    share: Estimate


@dataclass(frozen=True)
class Calibration:
    """How the strength of a direction, or the strengths of a sum, were found.

    Attributes
    ----------
    strengths : dict of str to float
        Strengths by attribute, in standard deviations of the noise.
    reached : tuple of Reached
        Shares measured on calibration seeds; empty if one round chose strengths between those
        that it measured.
    precision : float, optional
        Requested distance from the target; None for one round without refinement.
    confidence : float
        Confidence level of the intervals of `reached`.
    rounds, pictures : int
        Rounds and pictures of the refinement.
    stopped_by : {"once", "precision", "concept", "range", "response", "unneeded", "budget"}
        "once": no refinement was requested. "precision": the shares are within the precision.
        "concept": a larger strength would lose the concept. "range": no larger strength was
        tried. "response": no strength moves the share. "unneeded": the group has its share without
        steering. "budget": the pictures were used up.
    """

    strengths: dict[str, float]
    reached: tuple[Reached, ...]
    precision: float | None
    confidence: float
    rounds: int
    pictures: int
    stopped_by: Literal["once", "precision", "concept", "range", "response", "unneeded", "budget"]


@dataclass(frozen=True)
class Local:
    """The cells that a local direction was reduced to.

    Attributes
    ----------
    energy : float
        Part of the energy (sum of squares) that was to be kept, 0 to 1.
    cells, of : int
        Number of cells kept, and of all cells.
    """

    energy: float
    cells: int
    of: int


@dataclass(frozen=True)
class Learned:
    """A direction and how it was chosen.

    Attributes
    ----------
    attribute, title, towards : str
        Its attribute, the attribute's title, and the group that it points to.
    name, hash, file : str
        Its name, the hash of its array, and its file relative to the store.
    estimator : str
        Name of the estimator.
    on : tuple of str
        Concepts of the contrast; empty for the groups' own prompts.
    step : int
        Number of completed steps of the latents that it was learned from.
    accuracies : tuple of Accuracy
        Accuracies by step.
    seeds : tuple of int
        First seed of each group, and the seed after the last.
    kept : float
        Remaining length after it was made orthogonal to others.
    cosines : dict of str to float
        Cosines with the directions of the other attributes, as learned.
    local : Local, optional
        The cells that were kept; None for the whole direction.
    applied : dict of str to float
        For a local direction, cosines with the directions of the other attributes as applied; a
        whole one is orthogonal to them.
    """

    attribute: str
    title: str
    towards: str
    name: str
    hash: str
    file: str
    estimator: str
    on: tuple[str, ...]
    step: int
    accuracies: tuple[Accuracy, ...]
    seeds: Seeds
    kept: float = 1.0
    cosines: dict[str, float] = field(default_factory=dict)
    local: Local | None = None
    applied: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Generic:
    """The paper's method for comparison: an SVM on the groups' own prompts.

    Attributes
    ----------
    learned : Learned
        The direction.
    cosine : float
        Cosine with the learned direction.
    response : Response, optional
        Its own dose-response, if requested.
    """

    learned: Learned
    cosine: float
    response: Response | None = None


@dataclass(frozen=True)
class Mitigated:
    """One attribute of a mitigation.

    Attributes
    ----------
    learned : Learned
        Its direction.
    target : Target
        Target shares.
    strength : float
        Strength of the direction alone, in standard deviations of the noise.
    calibration : Calibration
        How the strength was found.
    response : Response
        The dose-response.
    generic : Generic, optional
        The paper's method, if it was run.
    """

    learned: Learned
    target: Target
    strength: float
    calibration: Calibration
    response: Response
    generic: Generic | None = None
