"""A direction: a unit array in canonical latent space, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub import ModelCard
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch.nn import functional

from trimtab.errors import FileError, UsageError
from trimtab.interventions.sharing import Shared
from trimtab.pipelines import LatentSpec, first_line, whole_number
from trimtab.storage import sha256, write_atomic

if TYPE_CHECKING:
    from trimtab.interventions.steering import Steerable, Steering, Strength

FORMAT = {"format": "trimtab-direction", "version": "1"}
LEAST_REMAINDER = 0.1
"""An orthogonalised direction that keeps less than this of its length is refused."""


class Direction(Shared):
    """A unit direction in latent space; it cannot be changed.

    It is kept in one file (`save`, `load`), or with a model card in a folder or a repository of its
    own on the Hugging Face Hub (`save_pretrained`, `push_to_hub`, `from_pretrained`).

    A strength is in standard deviations: for unit noise z and a unit direction d the projection
    z·d is N(0, 1) in any dimension, so ``8 * d`` is "eight sigma along d" for every model.

    Parameters
    ----------
    array : array_like
        Shape ``(c, h, w)``, of Euclidean norm 1.
    provenance : mapping, optional
        JSON-able facts: model, step, prompts, estimator, accuracy and so on; ``seeds``, if there,
        is the list of those it was learned from.

    Raises
    ------
    UsageError
        When the array is not three-dimensional, not finite, or not of unit norm, or the seeds are
        no list of whole numbers.
    """

    __array_ufunc__ = None  # so that numpy numbers and arrays leave `*` to us

    def __init__(self, array: npt.ArrayLike, provenance: Mapping[str, Any] | None = None) -> None:
        values = np.array(array, dtype=np.float32)
        norm = float(np.linalg.norm(values.astype(np.float64)))
        if values.ndim != 3 or not abs(norm - 1) < 1e-3:
            raise UsageError(
                got=f"an array of shape {values.shape} and norm {norm:.4g}",
                expected="shape (c, h, w) and norm 1",
                do="make it with Direction.along(vector)",
            )
        values.setflags(write=False)
        self.array: npt.NDArray[np.float32] = values
        self.provenance: dict[str, Any] = dict(provenance or {})
        seeds = self.provenance.get("seeds", [])
        if not isinstance(seeds, list | tuple) or not all(isinstance(s, int) for s in seeds):
            raise UsageError(
                got=f"a provenance with seeds {str(seeds)[:60]}",
                expected="a list of whole numbers",
                do="list the seeds that the direction was learned from, or leave them out",
            )

    @classmethod
    def along(cls, vector: npt.ArrayLike, provenance: Mapping[str, Any] | None = None) -> Direction:
        """Make the unit direction along a vector of any length.

        Parameters
        ----------
        vector : array_like
            Shape ``(c, h, w)``, finite and not zero.
        provenance : mapping, optional
            As in the constructor.

        Raises
        ------
        UsageError
            When the vector has no direction.
        """
        values = np.asarray(vector, dtype=np.float64)
        norm = float(np.linalg.norm(values))
        if not np.isfinite(norm) or norm == 0:
            raise UsageError(
                got=f"a vector of length {norm}",
                expected="a finite vector that is not zero",
                do="check that the two groups differ",
            )
        return cls(values / norm, provenance)

    @classmethod
    def random(cls, like: LatentSpec | Sequence[int], seed: int) -> Direction:
        """Draw a direction uniformly from the sphere, the control for every learned one.

        Parameters
        ----------
        like : LatentSpec or sequence of int
            Gives the shape ``(c, h, w)``.
        seed : int
            The same seed gives the same direction.
        """
        shape = like.shape if isinstance(like, LatentSpec) else tuple(like)
        draw = np.random.default_rng(seed).standard_normal(shape)
        return cls.along(draw, {"name": f"random {seed}", "estimator": "random", "seed": seed})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Canonical shape ``(c, h, w)``."""
        channels, height, width = self.array.shape
        return channels, height, width

    @property
    def name(self) -> str:
        """A short name for tables, e.g. ``gender: woman``."""
        facts = self.provenance
        return str(facts.get("name") or f"{facts.get('attribute')}: {facts.get('towards')}")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the array's bytes: the identity of a direction in records."""
        return sha256(self.array.tobytes())

    def cosine(self, other: Direction) -> float:
        """Give the cosine of the angle to another direction.

        Raises
        ------
        UsageError
            When the shapes differ.
        """
        _same_shape(self, [other])
        return float(np.vdot(self.array.astype(np.float64), other.array.astype(np.float64)))

    def orthogonal_to(self, *others: Direction) -> Direction:
        """Remove what lies in the span of other directions, and renormalise.

        With the others as columns of A, this is d − A x, x the least-squares solution of A x = d,
        which also holds when the others are nearly parallel to each other.

        Parameters
        ----------
        *others : Direction
            Directions of the same shape.

        Returns
        -------
        Direction
            At right angles to each of `others`; its provenance names them and what was ``kept``.
            The accuracy was measured before: it is ``accuracy_as_learned`` from here on.

        Raises
        ------
        UsageError
            When less than 0.1 of the direction remains, or the shapes differ.
        """
        _same_shape(self, others)
        if not others:
            return self
        span = np.stack([other.array.ravel() for other in others], axis=1).astype(np.float64)
        vector = self.array.ravel().astype(np.float64)
        rest = vector - span @ np.linalg.lstsq(span, vector)[0]
        kept = float(np.linalg.norm(rest))
        if kept < LEAST_REMAINDER:
            raise UsageError(
                got=f"{kept:.3f} of {self.name} left beside {', '.join(o.name for o in others)}",
                expected=f"at least {LEAST_REMAINDER}",
                do="leave out the direction that says the same",
            )
        removed = [{"name": other.name, "hash": other.hash} for other in others]
        return Direction.along(
            rest.reshape(self.shape), self._facts_of_other(orthogonal_to=removed, kept=kept)
        )

    def resampled(self, shape: Sequence[int]) -> Direction:
        """Return the direction for pictures of another size of the same model family.

        Interpolated bilinearly cell by cell and renormalised. What it does at the new size was not
        measured: its strength is to be calibrated anew, and its provenance says where it came from.

        Parameters
        ----------
        shape : sequence of int
            ``(c, h, w)`` of the latents at the new size, with the same number of channels;
            ``trimtab.pipelines.latent_spec(pipe, height=…, width=…).shape``.

        Raises
        ------
        UsageError
            When the number of channels differs, or a side is not positive.
        """
        sides = [whole_number(side) for side in shape]
        wanted = tuple(side for side in sides if side is not None and side > 0)
        if wanted == self.shape:
            return self
        if len(sides) != 3 or len(wanted) != 3 or wanted[0] != self.shape[0]:
            raise UsageError(
                got=f"shape {tuple(shape)} for {self.name}",
                expected=f"({self.shape[0]}, height, width) in cells of the latents",
                do="learn a direction on the other model",
            )
        cells = torch.from_numpy(np.array(self.array))[None]
        new = functional.interpolate(cells, wanted[1:], mode="bilinear", antialias=True)[0].numpy()
        facts = self._facts_of_other("height", "width", resampled_from=list(self.shape))
        return Direction.along(new, facts)

    def _facts_of_other(self, *names: str, **facts: Any) -> dict[str, Any]:
        """Return the provenance for an array made of this one: what was measured is not of it."""
        learned = ("accuracy", "accuracy_interval", *names)
        kept = {
            f"{key}_as_learned" if key in learned else key: fact
            for key, fact in self.provenance.items()
            if key != "measured"
        }
        return kept | facts

    def annotated(self, **facts: Any) -> Direction:
        """Return the same direction with more provenance, e.g. ``licence="cc-by-4.0"``.

        Parameters
        ----------
        **facts
            JSON-able; those of the same name are replaced.
        """
        return Direction(self.array, self.provenance | facts)

    def save(self, file: str | Path) -> Path:
        """Write the direction to one ``.safetensors`` file.

        Parameters
        ----------
        file : str or Path
            Replaced when it exists.

        Raises
        ------
        FileError
            When it cannot be written.
        UsageError
            When the provenance is more than JSON can say.
        """
        try:
            facts = json.dumps(self.provenance, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                got=f"a provenance that JSON cannot say ({first_line(error)})",
                expected="text, finite numbers, lists and mappings",
                do="change what annotated() was given",
            ) from error
        metadata = FORMAT | {"sha256": self.hash, "provenance": facts}
        write_atomic(Path(file), save({"direction": self.array}, metadata))
        return Path(file)

    @classmethod
    def load(cls, file: str | Path) -> Direction:
        """Read a direction; its format, hash, shape and norm are checked.

        Parameters
        ----------
        file : str or Path
            What `save` wrote.

        Raises
        ------
        FileError
            When the file is missing, damaged, or not a direction.
        """
        try:
            with safe_open(str(file), framework="numpy") as content:
                metadata = content.metadata() or {}
                if FORMAT.items() <= metadata.items():
                    direction = cls(
                        content.get_tensor("direction"), json.loads(metadata["provenance"])
                    )
                    if direction.hash == metadata["sha256"]:
                        return direction
                    problem = "the hash does not match"
                else:
                    problem = f"format {metadata.get('format')!r} {metadata.get('version', '')}"
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            problem = error.got if isinstance(error, UsageError) else first_line(error)
        raise FileError(
            got=f"{file} ({problem})",
            expected=f"a direction of format {FORMAT['format']}, version {FORMAT['version']}",
            do="check the path, or learn the direction again",
        )

    def generate_model_card(self, *args: Any, **options: Any) -> ModelCard:
        """Write the card from the provenance: what it was learned from, what it was seen to do."""
        from trimtab.interventions.card import card_of  # which needs a Direction

        return card_of(self, *args, **options)

    def __eq__(self, other: object) -> bool:
        """Compare by the array alone."""
        return isinstance(other, Direction) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.hash)

    def __repr__(self) -> str:
        """Give name and shape."""
        return f"Direction({self.name}, shape={self.shape})"

    def __mul__(self, strength: Strength) -> Steering:
        """Weigh the direction: a number for all images, or one for each."""
        return _steering(self) * strength

    __rmul__ = __mul__

    def __neg__(self) -> Steering:
        """Steer the other way."""
        return -_steering(self)

    def __add__(self, other: Steerable) -> Steering:
        """Steer along both."""
        return _steering(self) + other

    def __sub__(self, other: Steerable) -> Steering:
        """Steer along this and against the other."""
        return _steering(self) - other


def _steering(direction: Direction) -> Steering:
    from trimtab.interventions.steering import as_steering  # Steering is built from Direction

    return as_steering(direction)


def _same_shape(direction: Direction, others: Sequence[Direction]) -> None:
    for other in others:
        if other.shape != direction.shape:
            raise UsageError(
                got=f"{other.name} of shape {other.shape}",
                expected=f"{direction.shape}, the shape of {direction.name}",
                do="combine directions of one model and size only",
            )
