"""`Target`: the desired shares of an attribute's groups, and the source of these numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.concepts.words import fold
from trimtab.errors import UsageError

CROSS = " × "
"""Separates the groups, and the attributes, of an intersection."""


@dataclass(frozen=True)
class Target:
    """The distribution over the groups of an attribute that the pictures should show.

    Parameters
    ----------
    shares : mapping of str to float
        Share of each group, for at least two groups; above 0, with a sum of 1.
    source : str, optional
        Where the numbers come from ("US labour statistics, 2024"). It is printed wherever the
        target is.

    Raises
    ------
    UsageError
        If there are fewer than two groups, a share is not above 0, or they do not add up to 1.

    Examples
    --------
    >>> Target({"woman": 0.3, "man": 0.7}, "survey of 2024")["woman"]
    0.3
    """

    shares: Mapping[str, float]
    source: str = ""

    def __post_init__(self) -> None:
        """Check the shares, and make them add up to exactly 1."""
        shares = {str(group): _number(group, share) for group, share in self.shares.items()}
        if len(shares) < 2:
            raise UsageError(
                got=f"a target for {', '.join(shares) or 'no group'}",
                expected="shares of at least two groups",
                do="name every group, for example woman=0.3,man=0.7",
            )
        for group, share in shares.items():
            if not 0 < share < math.inf:
                raise UsageError(
                    got=f"the target {share:g} for {group!r}",
                    expected="a share above 0",
                    do="leave the group out of the attribute, or give it a small share",
                )
        total = math.fsum(shares.values())
        if abs(total - 1) > 1e-6:
            raise UsageError(
                got=f"a target that adds up to {total:g} ({_listed(shares)})",
                expected="shares that add up to 1",
                do="correct the shares",
            )
        if abs(total - 1) > 1e-12:  # keep a saved target unchanged
            shares = {group: share / total for group, share in shares.items()}
        object.__setattr__(self, "shares", shares)

    def __hash__(self) -> int:
        """Return a hash of the fields that equality compares."""
        return hash((frozenset(self.shares.items()), self.source))

    @classmethod
    def uniform(cls, groups: Sequence[str]) -> Target:
        """Return equal shares for the groups, the default of every audit."""
        return cls(dict.fromkeys(groups, 1 / max(len(groups), 1)), "equal shares, the default")

    @classmethod
    def of(cls, groups: Sequence[str], value: Target | Mapping[str, float] | None = None) -> Target:
        """Return a target for these groups, in their order.

        Parameters
        ----------
        groups : sequence of str
            Names of the groups.
        value : Target or mapping of str to float, optional
            A share for each group (case, spaces and hyphens do not matter). Defaults to equal
            shares.

        Raises
        ------
        UsageError
            If a group is missing or unknown; the message names it.
        """
        if value is None:
            return cls.uniform(groups)
        if not isinstance(value, Target | Mapping):
            raise UsageError(
                got=f"the target {value!r}",
                expected=f"a share for each of {', '.join(groups)}",
                do=f"write {{{groups[0]!r}: 0.3, …}}",
            )
        given = value if isinstance(value, Target) else cls(value)
        names = {fold(group): group for group in groups}
        shares: dict[str, float] = {}
        for name, share in given.shares.items():
            group = names.get(fold(name))
            if group is None or group in shares:
                raise UsageError(
                    got=f"a target for {name!r}{' twice' * (group is not None)}",
                    expected=f"one share for each of {', '.join(groups)}",
                    do="correct the name",
                )
            shares[group] = share
        if missing := [group for group in groups if group not in shares]:
            raise UsageError(
                got=f"a target without {missing[0]!r} ({given})",
                expected=f"one share for each of {', '.join(groups)}",
                do="name every group once",
            )
        return cls({group: shares[group] for group in groups}, given.source)

    @classmethod
    def parse(cls, text: str, source: str = "") -> Target:
        """Parse a target in the form used on the command line: "woman=0.3,man=0.7".

        Raises
        ------
        UsageError
            If the text does not have this form, or the shares are invalid.
        """
        shares: dict[str, float] = {}
        for part in text.split(","):
            name, found, number = part.rpartition("=")
            try:
                share = float(number)
            except ValueError:
                found = ""
            if not found or not name.strip() or name.strip() in shares:
                raise UsageError(
                    got=f"{part.strip()!r} in the target {text!r}",
                    expected="group=share for each group, separated by commas",
                    do="write it like woman=0.3,man=0.7",
                )
            shares[name.strip()] = share
        return cls(shares, source)

    def times(self, other: Target) -> Target:
        """Return the target of the intersection, as if the two attributes were independent."""
        shares = {
            f"{a}{CROSS}{b}": p * q for a, p in self.shares.items() for b, q in other.shares.items()
        }
        if self.source == other.source:
            return Target(shares, self.source)
        named = [f"{', '.join(one.shares)}: {one.source}" for one in (self, other) if one.source]
        return Target(shares, "; ".join(named))

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in order."""
        return tuple(self.shares)

    @property
    def vector(self) -> tuple[float, ...]:
        """The shares, in the order of `groups`."""
        return tuple(self.shares.values())

    def __getitem__(self, group: str) -> float:
        """Return the share of a group.

        Raises
        ------
        UsageError
            If the target has no such group.
        """
        if group not in self.shares:
            raise UsageError(
                got=f"the group {group!r}",
                expected=f"one of {', '.join(self.shares)}",
                do="choose one of these",
            )
        return self.shares[group]

    def __str__(self) -> str:
        """Return the shares and their source on one line."""
        return _listed(self.shares) + (f" ({self.source})" if self.source else "")


def _number(group: object, share: object) -> float:
    try:
        return float(share)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise UsageError(
            got=f"the target {share!r} for {str(group)!r}",
            expected="a number above 0",
            do="correct the share",
        ) from error


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{group} {share:.3g}" for group, share in shares.items())
