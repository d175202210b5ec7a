"""`Attribute`, its `Group`s, and `Concept`: plain, frozen values, independent of any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from trimtab.concepts.words import fill, fold, modified_prompt, neutral_prompt
from trimtab.errors import UsageError

UNKNOWN = "unknown"  # label of a picture that belongs to no group; not allowed as a group name


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(got=f"{value!r} as {what}", expected="some text", do=f"give {what}")
    return value.strip()


def _texts(values: object, what: str) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise UsageError(
            got=f"{values!r} as {what}", expected="a list of at least one text", do=f"give {what}"
        )
    return tuple(_text(value, f"each of {what}") for value in values)


@dataclass(frozen=True)
class Group:
    """One group of an attribute: how to prompt for it and how to recognise it.

    Parameters
    ----------
    name : str
        Short name, used in tables: "woman".
    prompt : str
        A complete prompt: "a photo of a woman".
    modifier : str
        The text placed before a concept ("dark-skinned") or, with a slot, around it
        ("{concept} with glasses").
    phrases : sequence of str
        The sentences by which a zero-shot recogniser identifies the group.

    Raises
    ------
    UsageError
        If a part is empty.
    """

    name: str
    prompt: str
    modifier: str
    phrases: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the parts and bring them to their final form."""
        for part in ("name", "prompt", "modifier"):
            what = f"the {part} of a group"
            object.__setattr__(self, part, _text(getattr(self, part), what))
        object.__setattr__(self, "phrases", _texts(self.phrases, f"the phrases of {self.name!r}"))

    @property
    def said(self) -> str:
        """The words for the group without a concept: "woman", "dark-skinned", "with glasses"."""
        return self.modifier.replace("{concept}", "").strip() or self.name

    def prompt_on(self, concept: str | Concept) -> str:
        """Return the prompt for this group with a concept: "a photo of a dark-skinned doctor"."""
        name = _text(concept if isinstance(concept, str) else concept.name, "the concept (on=)")
        return modified_prompt(self.modifier, name)


@dataclass(frozen=True)
class Attribute:
    """A property by which pictures differ, divided into groups: gender into woman and man.

    Parameters
    ----------
    name : str
        Short name: "skin_tone".
    groups : sequence of Group
        At least two groups with different names, in the order in which tables list them.
    title : str, optional
        The attribute's name in a sentence: "perceived skin tone". Defaults to `name`.

    Raises
    ------
    UsageError
        If there are fewer than two groups; if two groups share a name; if one is named "unknown",
        the label of pictures that belong to no group; or if the attribute is named "seed",
        "blocked" or "concept", which labels use for other facts about a picture.
    """

    _taken: ClassVar[tuple[str, ...]] = ("seed", "blocked", "concept")

    name: str
    groups: tuple[Group, ...]
    title: str = ""

    def __post_init__(self) -> None:
        """Check the parts and bring them to their final form."""
        object.__setattr__(self, "name", fold(_text(self.name, "the name of an attribute")))
        object.__setattr__(self, "groups", tuple(self.groups))
        object.__setattr__(self, "title", self.title or self.name.replace("_", " "))
        if self.name in self._taken:
            raise UsageError(
                got=f"the attribute name {self.name!r}",
                expected=f"any name except {', '.join(self._taken)}, reserved for labels",
                do="rename the attribute",
            )
        if len(self.groups) < 2:
            raise UsageError(
                got=f"{len(self.groups)} group(s) in attribute {self.name!r}",
                expected="at least two groups",
                do="add the group to compare with",
            )
        seen: set[str] = set()
        for group in self.groups:
            folded = fold(group.name)
            if folded in seen or folded == UNKNOWN:
                raise UsageError(
                    got=f"the group name {group.name!r} in attribute {self.name!r}",
                    expected=f"different names, none of them {UNKNOWN!r}",
                    do="rename the group",
                )
            seen.add(folded)
        self._check_different({group.name: group.phrases for group in self.groups}, "phrases")

    def _check_different(self, texts: Mapping[str, tuple[str, ...]], what: str) -> None:
        """Reject groups that nothing tells apart."""
        known: dict[frozenset[str], str] = {}
        for name, some in texts.items():
            other = known.setdefault(frozenset(some), name)
            if other != name:
                raise UsageError(
                    got=f"the groups {other!r} and {name!r} of attribute {self.name!r} with equal "
                    f"{what} ({some[0]!r})",
                    expected=f"{what} that tell the groups apart",
                    do=f"change the {what} of one",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the groups, in order."""
        return tuple(group.name for group in self.groups)

    def group(self, name: str) -> Group:
        """Return the group called `name` (case, spaces, hyphens and underscores do not matter).

        Raises
        ------
        UsageError
            If there is no such group; the message lists the groups.
        """
        for group in self.groups:
            if fold(group.name) == fold(name):
                return group
        raise UsageError(
            got=f"the group {name!r}",
            expected=f"one of {', '.join(self.names)} (attribute {self.name!r})",
            do="choose one of these",
        )

    def prompts(
        self, on: str | Concept | Sequence[str | Concept] | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Return the prompts of each group, for generating contrasting pictures.

        Parameters
        ----------
        on : str or sequence of str, optional
            Concepts to learn the contrast on. By default, each group uses its own prompt
            ("a photo of a woman"); with "doctor", the prompt is "a photo of a woman doctor".

        Returns
        -------
        dict of str to tuple of str
            Group name -> prompts, one per concept, in the same order for every group.

        Raises
        ------
        UsageError
            If `on` is empty, or names a concept twice, or two groups have the same prompts.
        """
        if on is None:
            own: dict[str, tuple[str, ...]] = {g.name: (g.prompt,) for g in self.groups}
            self._check_different(own, "prompts")
            return own
        concepts = [on] if isinstance(on, str | Concept) else list(on)
        keys = [fold(c if isinstance(c, str) else c.name) for c in concepts]
        if not keys or len(set(keys)) < len(keys):
            raise UsageError(
                got=f"on={on!r}",
                expected="one concept, or several different ones",
                do='use for example on="doctor", or omit on=',
            )
        found = {group.name: tuple(map(group.prompt_on, concepts)) for group in self.groups}
        self._check_different(found, "prompts")
        return found


class ConceptPack(Attribute):
    """The attribute named "concept", whose groups are the concepts of a pack."""

    _taken = ("seed", "blocked")


@dataclass(frozen=True)
class Concept:
    """What a picture should show, such as "doctor", with the phrases to recognise it by.

    Parameters
    ----------
    name : str
        The word or words that name it in a prompt.
    phrases : sequence of str, optional
        The sentences by which a zero-shot recogniser identifies it. Defaults to its neutral prompt.

    Raises
    ------
    UsageError
        If a part is empty.
    """

    name: str
    phrases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the parts and bring them to their final form."""
        object.__setattr__(self, "name", _text(self.name, "the name of a concept"))
        phrases = self.phrases or (neutral_prompt(self.name),)
        phrases = _texts(phrases, f"the phrases of {self.name!r}")
        object.__setattr__(self, "phrases", tuple(fill(phrase, self.name) for phrase in phrases))

    @property
    def prompt(self) -> str:
        """The neutral prompt: "a photo of a doctor"."""
        return neutral_prompt(self.name)

    def as_group(self) -> Group:
        """Return the concept as a group, so that a concept pack is an `Attribute`."""
        return Group(self.name, self.prompt, self.name, self.phrases)
