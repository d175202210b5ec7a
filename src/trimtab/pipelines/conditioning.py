"""The conditioning that a pipeline makes of prompts: embeddings and masks, one row per image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import torch

from trimtab.errors import UsageError

Role = Literal["tokens", "pooled", "mask"]
Part = torch.Tensor | tuple[torch.Tensor, ...]
NEGATIVE = "negative_"


def role_of(name: str) -> Role:
    """Return the role of an argument of a pipeline's call.

    Parameters
    ----------
    name : str
        For example ``"negative_pooled_prompt_embeds"``.
    """
    return "mask" if "mask" in name else "pooled" if "pooled" in name else "tokens"


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The arguments of a pipeline's call that replace the prompts of a batch.

    Each row belongs to one image; ``len(conditioning)`` is the number of images. Two conditionings
    are equal if they have the same arguments and numbers.

    Parameters
    ----------
    parts : mapping
        Argument to value, with one row per image: a tensor or, where texts keep their own lengths,
        a sequence of tensors ``(length, width)``. The name of an argument determines its role: one
        vector per token ``(n, length, width)``, pooled ``(n, width)``, or mask ``(n, length)``. The
        prefix ``negative_`` marks the parts of the negative prompt.
    masks : mapping
        Token argument to the argument that masks it, in families that have masks. If the mask is
        missing from `parts`, every token counts. Masks in `parts` need not be listed.

    Raises
    ------
    UsageError
        If there are no parts, or they differ in their number of rows.
    """

    parts: Mapping[str, Part]
    masks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Store ragged parts as tuples, and reject parts that do not match."""
        parts = {
            name: value if isinstance(value, torch.Tensor) else tuple(value)
            for name, value in self.parts.items()
        }
        rows = {name: len(value) for name, value in parts.items()}
        if len(set(rows.values())) != 1:
            raise UsageError(
                got=f"parts of a conditioning with {rows or 'no'} rows",
                expected="at least one part, and the same number of rows in all",
                do="give one row per image in each",
            )
        masks = dict(self.masks)
        for mask in parts:
            if role_of(mask) == "mask":
                side = NEGATIVE if mask.startswith(NEGATIVE) else ""
                masks.setdefault(f"{side}prompt_embeds", mask)
        object.__setattr__(self, "parts", MappingProxyType(parts))
        object.__setattr__(self, "masks", MappingProxyType(masks))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(next(iter(self.parts.values())))

    def __eq__(self, other: object) -> bool:
        """Compare arguments, types and numbers."""
        if not isinstance(other, Conditioning):
            return NotImplemented
        return self.parts.keys() == other.parts.keys() and all(
            _equal(value, other.parts[name]) for name, value in self.parts.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the pipeline's call, with ragged parts as lists."""
        return {
            name: value if isinstance(value, torch.Tensor) else list(value)
            for name, value in self.parts.items()
        }

    @property
    def device(self) -> torch.device:
        """The device of the embeddings."""
        return next(_tensors(self.parts)).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the embeddings; masks may have another."""
        return next(_tensors({k: v for k, v in self.parts.items() if role_of(k) != "mask"})).dtype

    def rows(self, which: slice) -> Conditioning:
        """Return the conditioning of some of the images.

        Parameters
        ----------
        which : slice
            The images to select, in order.

        Raises
        ------
        UsageError
            If the slice selects no image.
        """
        if not range(len(self))[which]:
            raise UsageError(
                got=f"rows {which.start} to {which.stop} of {len(self)}",
                expected="at least one row",
                do="choose existing rows",
            )
        chosen = list(range(len(self)))[which]
        return self._each(lambda _, value: _take(value, chosen))

    def map(
        self,
        function: Callable[[torch.Tensor], torch.Tensor],
        role: Role = "tokens",
        *,
        negative: bool = False,
    ) -> Conditioning:
        """Return a conditioning with a function applied to the parts of one role.

        Parameters
        ----------
        function : callable
            Takes and returns ``(n, length, width)`` for tokens, ``(n, width)`` for pooled parts
            and ``(n, length)`` for masks. For ragged parts, it is called for each image with n = 1.
        role : {"tokens", "pooled", "mask"}
            The parts to change.
        negative : bool
            Whether to change the parts of the negative prompt instead of those of the prompt.
        """

        def changed(name: str, value: Part) -> Part:
            if role_of(name) != role or name.startswith(NEGATIVE) != negative:
                return value
            if isinstance(value, torch.Tensor):
                return function(value)
            return tuple(function(row[None])[0] for row in value)

        return self._each(changed)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Conditioning:
        """Return the conditioning on another device, or its embeddings in another type.

        Parameters
        ----------
        device : torch.device or str, optional
            Device for all parts.
        dtype : torch.dtype, optional
            Type for the embeddings; masks keep theirs.
        """

        def moved(name: str, value: Part) -> Part:
            kind = None if role_of(name) == "mask" else dtype
            if isinstance(value, torch.Tensor):
                return value.to(device=device, dtype=kind)
            return tuple(row.to(device=device, dtype=kind) for row in value)

        return self._each(moved)

    def _each(self, change: Callable[[str, Part], Part]) -> Conditioning:
        return replace(self, parts={name: change(name, part) for name, part in self.parts.items()})

    @staticmethod
    def concatenate(several: Sequence[Conditioning]) -> Conditioning:
        """Return one conditioning with the images of several, all from the same pipeline.

        Tokens of different lengths are padded with zeros at the end, and the padding is masked out.
        A missing mask counts as all ones.

        Parameters
        ----------
        several : sequence of Conditioning
            At least one, with the same arguments apart from masks.

        Raises
        ------
        UsageError
            If the conditionings do not match, or lengths differ and the pipeline takes no mask.
        """
        names = {name for one in several for name in one.parts}
        embeddings = {name for name in names if role_of(name) != "mask"}
        unlike = {name for name in embeddings if any(name not in one.parts for one in several)}
        if not several or unlike:
            raise UsageError(
                got=f"conditionings to join, not all with {', '.join(sorted(unlike)) or 'a part'}",
                expected="at least one, all with the same arguments",
                do="encode their prompts by one pipeline with the same settings",
            )
        masks = {tokens: mask for one in several for tokens, mask in one.masks.items()}
        joined: dict[str, Part] = {}
        for name in sorted(embeddings):
            values = [one.parts[name] for one in several]
            lengths = {part.shape[1:-1] for value in values for part in _dense(value)}
            if len(lengths) > 1 and name not in masks:
                sizes = " and ".join(str(size) for (size,) in sorted(lengths))
                raise UsageError(
                    got=f"{name} with {sizes} tokens",
                    expected="equal lengths where the pipeline takes no mask",
                    do="encode their prompts by one pipeline with the same settings",
                )
            mask = masks.get(name)
            if mask is not None and (len(lengths) > 1 or mask in names):
                longest = max(size for (size,) in lengths)
                found = [_mask(one, name, mask) for one in several]
                joined[mask] = torch.cat([_padded(one, longest) for one in found])
                values = [_padded(one, longest) for one in values]  # type: ignore[arg-type]
            joined[name] = _join(values)
        return Conditioning(joined, masks)


def _tensors(parts: Mapping[str, Part]) -> Iterator[torch.Tensor]:
    for value in parts.values():
        yield from [value] if isinstance(value, torch.Tensor) else value


def _equal(one: Part, other: Part) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return False
    return len(one) == len(other) and all(map(_equal, one, other))


def _dense(value: Part) -> list[torch.Tensor]:
    return [value] if isinstance(value, torch.Tensor) else []


def _take(value: Part, rows: list[int]) -> Part:
    if isinstance(value, torch.Tensor):
        return value[rows]
    return tuple(value[row] for row in rows)


def _mask(one: Conditioning, tokens: str, mask: str) -> torch.Tensor:
    """Return the mask, or all ones if there is none."""
    found = one.parts.get(mask)
    if isinstance(found, torch.Tensor):
        return found
    (embeddings,) = _dense(one.parts[tokens])
    return torch.ones(embeddings.shape[:2], dtype=torch.long, device=embeddings.device)


def _padded(rows: torch.Tensor, length: int) -> torch.Tensor:
    """Pad ``(n, length, …)`` with zeros at the end of its second axis."""
    missing = rows.new_zeros((len(rows), length - rows.shape[1], *rows.shape[2:]))
    return torch.cat([rows, missing], dim=1)


def _join(values: Sequence[Part]) -> Part:
    dense = [part for value in values for part in _dense(value)]
    if len(dense) == len(values):
        return torch.cat(dense)
    return tuple(row for value in values for row in value)
