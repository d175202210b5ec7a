"""`Intervention`: changes to the noise and to the conditioning of pictures, as one value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trimtab.errors import UsageError
from trimtab.interventions import contents
from trimtab.interventions.adjustment import Adjustment, Adjustments, parts_of
from trimtab.interventions.algebra import Strength
from trimtab.interventions.compatibility import check_family, check_shape, learned_on
from trimtab.interventions.direction import Direction, Steering
from trimtab.interventions.file import MITIGATION, Metadata, Tensors, encode
from trimtab.interventions.hub import Shared
from trimtab.storage import sha256

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

    from trimtab.pipelines import Conditioning, LatentSpec, RunSettings


class Intervention(Shared):
    """An immutable pair of a steering of the noise and an adjustment of the conditioning.

    Interventions are equal if they do the same, whatever their provenance. ``2 * intervention``
    multiplies the strengths of its directions and leaves the adjustment unchanged.

    Parameters
    ----------
    steering : Steering or Direction, optional
        The shift of the noise.
    adjustment : Adjustment, optional
        The change to the prompts or their embeddings.
    provenance : mapping, optional
        JSON-serialisable facts, as in docs/mitigation-format.md: name, target, measured effect,
        licence and so on.

    Raises
    ------
    UsageError
        If a part has the wrong type.
    """

    format = MITIGATION

    __array_ufunc__ = None  # so that numpy numbers and arrays leave `*` to us

    def __init__(
        self,
        steering: Steering | Direction | None = None,
        adjustment: Adjustment | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(steering, Steering | Direction | None):
            raise UsageError(
                got=f"steering of type {type(steering).__name__}",
                expected="a Direction, a Steering such as 5 * direction, or None",
                do="pass one of them",
            )
        if not isinstance(adjustment, Adjustment | None):
            raise UsageError(
                got=f"adjust of type {type(adjustment).__name__}",
                expected="an Adjustment such as AddedWords('a woman'), or None",
                do="pass one of them",
            )
        self._steering = Steering() + steering
        self._adjustment = adjustment
        self.provenance: dict[str, Any] = dict(provenance or {})

    @property
    def steering(self) -> Steering:
        """The shift of the noise."""
        return self._steering

    @property
    def adjustment(self) -> Adjustment | None:
        """The change to the prompts or their embeddings."""
        return self._adjustment

    @property
    def name(self) -> str:
        """A short name for tables."""
        return str(self.provenance.get("name") or self)

    @property
    def noise_only(self) -> bool:
        """Whether only the noise is changed."""
        return self.adjustment is None

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that the directions were learned from."""
        return self.steering.seeds

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what is done, independent of the names and order of directions."""
        terms = sorted((direction.hash, strength) for direction, strength in self.steering.terms)
        done = {"terms": terms, "adjustment": self.to_dict()["adjustment"]}
        return sha256(json.dumps(done, sort_keys=True).encode())

    def check(self, spec: LatentSpec, n: int | None = None) -> None:
        """Check that the intervention fits a model and picture size.

        Parameters
        ----------
        spec : LatentSpec
            The latents that will be shifted.
        n : int, optional
            The number of images that strengths per image must match.

        Raises
        ------
        UsageError
            If a direction's family or shape, the number of images or the adjustment does not fit.
        """
        if n is not None:
            self.steering.check_count(n)
        self.check_family(spec.family)
        for direction, _ in self.steering.terms:
            check_shape(direction, spec)

    def check_family(self, family: str) -> None:
        """Check that the intervention fits a model family.

        Parameters
        ----------
        family : str
            Name of the family whose latents will be shifted.

        Raises
        ------
        UsageError
            If a direction's provenance names another one, or the adjustment does not fit it.
        """
        for direction, _ in self.steering.terms:
            check_family(direction, family)
        if self.adjustment is not None:
            self.adjustment.check(family)

    def offset(self, n: int) -> npt.NDArray[np.float32]:
        """Return what is added to the noise of n images, as in `Steering.offset`."""
        return self.steering.offset(n)

    def adjusted(
        self, pipe: Any, prompts: Sequence[str], seeds: Sequence[int], settings: RunSettings
    ) -> tuple[list[str], Conditioning | None]:
        """Return the prompts to make pictures from, and the conditioning if it is adjusted.

        Parameters
        ----------
        pipe : diffusers.DiffusionPipeline
            The pipeline that will run; it is not changed.
        prompts, seeds : sequence
            One of each per picture.
        settings : RunSettings
            The settings of the run.

        Returns
        -------
        tuple of list of str and Conditioning or None
            As in `trimtab.pipelines.run`.
        """
        if self.adjustment is None:
            return list(prompts), None
        from trimtab.pipelines import encode  # which loads torch

        rewritten = self.adjustment.rewritten(prompts, seeds)
        if not self.adjustment.embeds:
            return rewritten, None
        found = encode(pipe, rewritten, settings)
        return rewritten, self.adjustment.changed(found, pipe, rewritten, settings)

    def image(self, i: int) -> Intervention:
        """Return the intervention for image i, with plain numbers as strengths."""
        return self._with(self.steering.image(i))

    def part(self, images: slice) -> Intervention:
        """Return the intervention for some of the images."""
        return self._with(self.steering.part(images))

    def acting(self) -> Intervention:
        """Return the same without directions and adjustments of strength 0."""
        terms = self.steering.terms
        return Intervention(
            Steering((d, s) for d, s in terms if np.any(np.asarray(s) != 0)),
            self.adjustment and self.adjustment.acting(),
        )

    def resampled(self, shape: Sequence[int]) -> Intervention:
        """Return the same with every direction resampled, as in `Direction.resampled`."""
        terms = ((direction.resampled(shape), s) for direction, s in self.steering.terms)
        return Intervention(Steering(terms), self.adjustment)

    def annotated(self, **facts: Any) -> Intervention:
        """Return the same with more provenance, e.g. ``licence="cc-by-4.0"``."""
        return Intervention(self.steering, self.adjustment, self.provenance | facts)

    def learned_elsewhere(self, pipe: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List the directions learned on another model, or with other weights.

        Parameters
        ----------
        pipe : diffusers.DiffusionPipeline
            The model that will be steered; it is not changed.
        facts : mapping
            The result of `model_facts` for the model.

        Returns
        -------
        list of dict
            ``name`` and ``hash`` of each direction, and the ``model`` it was learned on.
        """
        return [
            {"name": one.name, "hash": one.hash, "model": str(one.provenance.get("model"))}
            for one, _ in self.steering.terms
            if not learned_on(one.provenance, pipe, facts)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable record, in which directions are named by hash."""
        return {
            "steering": self.steering.to_dict(),
            "adjustment": None if self.adjustment is None else self.adjustment.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], directions: Iterable[Direction]) -> Intervention:
        """Return the intervention in a record.

        Parameters
        ----------
        record, directions
            As in `Steering.from_dict`.

        Raises
        ------
        UsageError
            If a direction is missing, or the adjustment is unknown.
        """
        adjustment = record["adjustment"]
        return cls(
            Steering.from_dict(record["steering"], directions),
            None if adjustment is None else Adjustment.from_dict(adjustment),
        )

    def to_bytes(self) -> bytes:
        """Return the content of the file, as described in docs/mitigation-format.md.

        Raises
        ------
        UsageError
            If the provenance cannot be written as JSON or contradicts that page, or strengths are
            given per image.
        """
        directions = [direction for direction, _ in self.steering.terms]
        return encode(MITIGATION, *contents.encode(self.to_dict(), directions, self.provenance))

    @classmethod
    def _make(cls, metadata: Metadata, tensors: Tensors) -> Intervention:
        record, directions, provenance = contents.decode(metadata, tensors)
        return cls.from_dict(record, directions).annotated(**provenance)

    def generate_model_card(self, repository: str = "ORGANISATION/NAME") -> ModelCard:
        """Return the card: what it does, its target, its measured effect, its limits."""
        from trimtab.interventions.card import mitigation_card  # which loads huggingface_hub

        terms, facts = self.steering.terms, self.provenance
        return mitigation_card(self.name, terms, self.adjustment, facts, repository)

    def __mul__(self, factor: Strength) -> Intervention:
        """Multiply the strengths of the directions, leaving the adjustment unchanged."""
        return self._with(self.steering * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Intervention:
        """Divide the strengths of the directions, leaving the adjustment unchanged."""
        return self._with(self.steering / divisor)

    def __add__(self, other: Steerable) -> Intervention:
        """Return the sum; an adjustment that both have is done once."""
        also = as_intervention(other)
        if not (also.steering.terms or also.adjustment):
            return self
        parts = dict.fromkeys((*parts_of(self.adjustment), *parts_of(also.adjustment)))
        adjustment = Adjustments(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)
        return Intervention(self.steering + also.steering, adjustment)

    def __radd__(self, other: Steerable | int) -> Intervention:
        """Add to a direction or a steering, or to 0, from which ``sum([...])`` starts."""
        return self + (None if isinstance(other, int) and other == 0 else other)  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        """Compare what is done."""
        return isinstance(other, Intervention) and (
            (self.steering, self.adjustment) == (other.steering, other.adjustment)
        )

    def __hash__(self) -> int:
        """Return a hash consistent with equality."""
        return hash((self.steering, self.adjustment))

    def __bool__(self) -> bool:
        """Return whether the intervention does anything."""
        return bool(self.steering) or not self.noise_only

    def __str__(self) -> str:
        """Return what is done as text: ``3.2 gender: woman + words “smiling”``."""
        parts = [str(self.steering)] if self.steering.terms or self.noise_only else []
        return " + ".join(parts + ([] if self.noise_only else [str(self.adjustment)]))

    def __repr__(self) -> str:
        """Return what is done as text."""
        return f"Intervention({self})"

    def _repr_html_(self) -> str:
        from trimtab.interventions.display import intervention_html  # which loads Pillow

        return intervention_html(str(self), self.steering.terms, self.provenance)

    def _with(self, steering: Steering) -> Intervention:
        """Return the same adjustment with another steering, to which no measurement applies."""
        return Intervention(steering, self.adjustment)


Steerable: TypeAlias = Intervention | Steering | Direction | None
"""What users may pass as ``steer=``."""


def as_intervention(steer: Steerable, adjust: Adjustment | None = None) -> Intervention:
    """Return one value for the arguments ``steer=`` and ``adjust=``.

    Parameters
    ----------
    steer : Intervention, Steering or Direction, optional
        A direction d means 1 * d; None means no intervention.
    adjust : Adjustment, optional
        An adjustment in addition to `steer`.

    Raises
    ------
    UsageError
        If either has the wrong type.
    """
    if isinstance(steer, Intervention):
        return steer if adjust is None else steer + Intervention(adjustment=adjust)
    if not isinstance(steer, Steering | Direction | None):
        raise UsageError(
            got=f"steer of type {type(steer).__name__}",
            expected="a Direction, a Steering such as 5 * direction, an Intervention, or None",
            do="pass one of them",
        )
    return Intervention(steer, adjust)


def as_steering(steer: Steerable, *, noise_only: bool = False) -> Steering:
    """Return the steering of the noise, for uses in which nothing else can be changed.

    Parameters
    ----------
    steer : Intervention, Steering or Direction, optional
        As in `as_intervention`.
    noise_only : bool
        Whether to ignore an adjustment of the conditioning.

    Raises
    ------
    UsageError
        If there is an adjustment and `noise_only` is False.
    """
    intervention = as_intervention(steer)
    if not (noise_only or intervention.noise_only):
        raise UsageError(
            got=f"an intervention with {intervention.adjustment}",
            expected="one that shifts only the noise, since nothing else can be changed here",
            do="use trimtab.generate, or ignore the adjustment with noise_only=True",
        )
    return intervention.steering
