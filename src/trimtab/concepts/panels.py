"""Panels: prompts with the groups to move to, from the paper's list or from a YAML file.

The file is one document::

    name: my-panels
    concepts: my_concepts.yaml          # optional: a pack, to judge whether a concept is kept
    watch: [age]                        # optional: other attributes to check
    steps: [0.1, 0.2, 0.3, 0.5, 0.8]    # optional: of the run, for the grid
    weights: [2.5, 5, 7.5, 10]          # optional: strengths for the grid
    settings: {num_inference_steps: 50} # optional, as in diffusers
    attributes: []                      # optional: attributes of your own, as in the catalogue
    panels:
      - prompt: a photo of an engineer
        towards: {gender: woman}
      - prompt: a photo of a doctor
        towards: {gender: woman, skin_tone: darker}    # a sum of directions
      - prompt: a photo of a waterbird
        towards: {bird_background: land}
        adjust: true     # also by an adjustment of the prompt, alone and with the direction
        concepts: null   # optional: another pack than above, or none
        learn_on: bird   # optional: concept to learn the direction on
        watch: []        # optional: other attributes than above to check, here none
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from trimtab.concepts.catalogue import attribute, attribute_of
from trimtab.concepts.documents import (
    is_file,
    list_of,
    mapping_of,
    names_in,
    read_document,
    shipped,
)
from trimtab.concepts.mentions import concept_in
from trimtab.concepts.values import Attribute, Group
from trimtab.concepts.words import fold
from trimtab.errors import UsageError

STEPS = (0.1, 0.2, 0.3, 0.5, 0.8)
WEIGHTS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
SETTINGS = ("num_inference_steps", "guidance_scale", "negative_prompt", "height", "width")
_SHIPPED = files("trimtab.concepts") / "packs" / "panels"


@dataclass(frozen=True)
class Panel:
    """One panel: a prompt, and the groups to move its pictures to.

    Parameters
    ----------
    prompt : str
        The prompt, which stays as it is.
    attributes : tuple of Attribute
        What to move, of two groups each; with several, their directions are added.
    towards : mapping of str to str
        The group of each attribute that is expected to be the rarer one.
    adjust : bool
        Whether to move it by an adjustment of the prompt as well, alone and with the direction;
        only with a single attribute.
    on : tuple of str
        Concepts to learn the direction on; default the prompt's own.
    concepts : str, optional
        Pack of mutually exclusive concepts, to judge whether the prompt's own is kept.
    watch : tuple of Attribute
        Other attributes to check for side effects.

    Raises
    ------
    UsageError
        If there is no prompt or no group, an attribute lacks the group or does not have two, or
        the prompt already names both groups.
    """

    prompt: str
    attributes: tuple[Attribute, ...]
    towards: Mapping[str, str]
    adjust: bool = False
    on: tuple[str, ...] = ()
    concepts: str | None = None
    watch: tuple[Attribute, ...] = ()

    def __post_init__(self) -> None:
        """Check prompt and groups."""
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise UsageError(
                got=f"the prompt {self.prompt!r}", expected="a text", do="write the prompt"
            )
        if not self.attributes:
            raise UsageError(
                got=f"no groups in the panel “{self.prompt}”",
                expected="towards: with a group of at least one attribute",
                do="write e.g. towards: {gender: woman}",
            )
        if self.adjust and len(self.attributes) > 1:
            raise UsageError(
                got=f"adjust with {len(self.attributes)} attributes, in the panel “{self.prompt}”",
                expected="one attribute, whose share decides the adjustment's strength",
                do="leave adjust out, or give each attribute a panel of its own",
            )
        for one in self.attributes:
            group = self.towards[one.name]
            if group not in one.names or len(one.names) != 2:
                raise UsageError(
                    got=f"{group!r} of {one.name}, in the panel “{self.prompt}”",
                    expected=f"one of two groups; it has {', '.join(one.names)}",
                    do="name one of its groups, or another attribute",
                )
            if all(concept_in(self.prompt, _words(each)) for each in one.groups):
                raise UsageError(
                    got=f"the prompt “{self.prompt}”, which names {' and '.join(one.names)}",
                    expected=f"a prompt that leaves {one.name} open",
                    do="take the words out of the prompt",
                )

    @property
    def title(self) -> str:
        """The prompt and the groups: "a photo of a doctor → woman + darker"."""
        return f"{self.prompt} → {' + '.join(self.towards[one.name] for one in self.attributes)}"


def _words(group: Group) -> list[str]:
    """Return words that name a group: its name and its modifier, one or several of them."""
    found = {group.name, group.said}
    return [*found, *(re.sub("man$", "men", word) for word in found)]


@dataclass(frozen=True)
class Panels:
    """Several panels, and what they have in common.

    Parameters
    ----------
    name : str
        Name of the list.
    panels : tuple of Panel
        At least one, no two alike.
    steps : tuple of float
        Parts of the run after which directions of the grid are learned, above 0 to 1.
    weights : tuple of float
        Strengths of the grid, in standard deviations of the noise.
    settings : mapping
        Settings of the run, as in diffusers; what is missing is the model's own.

    Raises
    ------
    UsageError
        If a panel occurs twice, or a step or weight is out of range.
    """

    name: str
    panels: tuple[Panel, ...]
    steps: tuple[float, ...] = STEPS
    weights: tuple[float, ...] = WEIGHTS
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the numbers, and that no panel occurs twice."""
        titles = [one.title for one in self.panels]
        for title in titles:
            if titles.count(title) > 1:
                raise UsageError(
                    got=f"the panel “{title}” twice", expected="each once", do="remove the repeat"
                )
        for what, numbers, most in (("steps", self.steps, 1.0), ("weights", self.weights, 1e3)):
            if not numbers or not all(_within(one, most) for one in numbers):
                raise UsageError(
                    got=f"{what} {', '.join(map(repr, numbers)) or 'without a number'}",
                    expected=f"numbers above 0, to {most:g}",
                    do=f"correct the {what} of the grid",
                )
            object.__setattr__(self, what, tuple(sorted(set(map(float, numbers)))))
        if strange := set(self.settings) - set(SETTINGS):
            raise UsageError(
                got=f"the setting {sorted(strange)[0]!r}",
                expected=f"only {', '.join(SETTINGS)}",
                do="correct or remove it",
            )

    def first(self, n: int) -> Panels:
        """Return the same with the first panels only."""
        return replace(self, panels=self.panels[:n])


def panels_from(name: str | os.PathLike[str]) -> Panels:
    """Return the panels of a YAML file, or of a list that ships with trimtab.

    Parameters
    ----------
    name : str or path
        A name listed by `panel_lists`, or a path that ends in ``.yaml`` or ``.yml``.

    Raises
    ------
    UsageError
        If no list has this name.
    FileError
        If the file is missing, is not YAML, or does not describe panels.
    """
    if is_file(name):
        return read_document(Path(name), _panels)
    if name not in panel_lists():
        raise UsageError(
            got=f"the panels {name!r}",
            expected=f"one of {', '.join(panel_lists())}, or a .yaml file",
            do="choose one, or write your own",
        )
    return _panels(shipped(_SHIPPED, str(name)))


def panel_lists() -> tuple[str, ...]:
    """Return the names of the lists of panels that ship with trimtab."""
    return names_in(_SHIPPED)


def _panels(document: Any) -> Panels:
    shared = ("name", "concepts", "watch", "steps", "weights", "settings", "attributes", "panels")
    data = mapping_of(document, "a list of panels", shared)
    given = list_of(data["attributes"], "attributes") if data.get("attributes") else []
    own = {one.name: one for one in map(attribute_of, given)}
    usual = {name: data.get(name) for name in ("concepts", "watch")}
    return Panels(
        str(data.get("name") or "panels"),
        tuple(_panel(item, own, usual) for item in list_of(data.get("panels"), "panels")),
        _numbers(data.get("steps"), STEPS),
        _numbers(data.get("weights"), WEIGHTS),
        mapping_of(data.get("settings") or {}, "the settings", SETTINGS),
    )


def _panel(item: Any, own: Mapping[str, Attribute], usual: Mapping[str, Any]) -> Panel:
    known = ("prompt", "towards", "adjust", "learn_on", *usual)
    data = {**usual, **mapping_of(item, "a panel", known)}
    wanted = data.get("towards") or {}
    if not isinstance(wanted, Mapping):
        raise UsageError(
            got=f"towards: {wanted!r}",
            expected="attributes with a group each",
            do="write e.g. towards: {gender: woman}",
        )
    found = [(_attribute(name, own), str(wanted[name])) for name in wanted]
    names = [one.name for one, _ in found]
    on, adjust = data.get("learn_on") or [], data.get("adjust", False)
    if len(set(names)) < len(names):
        raise UsageError(got="an attribute twice", expected="each once", do="remove the repeat")
    if not isinstance(adjust, bool):
        raise UsageError(got=f"adjust: {adjust!r}", expected="true or false", do="correct it")
    return Panel(
        data.get("prompt", ""),
        tuple(one for one, _ in found),
        dict(zip(names, (group for _, group in found), strict=True)),
        adjust,
        tuple(map(str, [on] if isinstance(on, str) else list_of(on, "learn_on") if on else [])),
        data["concepts"],
        tuple(
            _attribute(one, own)
            for one in (list_of(data["watch"], "watch") if data["watch"] else [])
        ),
    )


def _attribute(name: Any, own: Mapping[str, Attribute]) -> Attribute:
    return own.get(fold(str(name))) or attribute(str(name))


def _numbers(given: Any, default: Sequence[float]) -> tuple[Any, ...]:
    if given is None:
        return tuple(default)
    return tuple(given) if isinstance(given, list) else (given,)


def _within(number: Any, most: float) -> bool:
    real = isinstance(number, int | float) and not isinstance(number, bool)
    return real and math.isfinite(number) and 0 < number <= most
