"""The result of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trimtab.drawing.thumbnails import SIDE
from trimtab.generation import ImageSet
from trimtab.generation.selection import Key
from trimtab.metrics import Agreement, Figures
from trimtab.storage.formats import counted, told_left_out
from trimtab.workflows import notebooks
from trimtab.workflows.records import Seeds, SourceFile, View
from trimtab.workflows.result import Result, pictures_of
from trimtab.workflows.seed_effect import SeedEffect

THUMBNAILS = (40, SIDE)
"""How many pictures made elsewhere a report shows at most, and their longer side in pixels."""
_NAMED = 20  # unreadable files named in a terminal


def thumbnail_of(picture: str) -> str:
    """Return the file in a store with the small copy of a picture made elsewhere."""
    return f"thumbnails/{picture}.png"


@dataclass(frozen=True, kw_only=True)
class AuditResult(Result):
    """The result of an audit: whom the pictures show.

    Attributes
    ----------
    prompts : tuple of str
        Empty for pictures made elsewhere.
    spec : str
        Full hash of the pictures' spec; empty for pictures made elsewhere.
    intervention : dict
        Record of the intervention on noise and conditioning.
    n : int
        Number of pictures, over all prompts; of pictures made elsewhere, those that could be read.
    seeds : tuple of int, optional
        First seed of each prompt, and the seed after the last.
    views : tuple of View
        What each recogniser perceived, over all prompts.
    by_prompt : dict of str to tuple of View
        The same by prompt; empty if there is only one prompt.
    by_subject : dict of str to tuple of View
        The same by subject, such as "doctor", over all prompts with it; empty if no prompts, or
        all, share one.
    recogniser : str
        Name of the recogniser.
    second_recogniser : str
        Name of the second recogniser, whose views have the role "second"; empty without one.
    agreements : tuple of Agreement
        How far both agree, by attribute that the second one knows.
    threshold : float
        The probability below which a picture is unknown.
    folder : str
        Folder of pictures made elsewhere.
    sources : tuple of SourceFile
        The files of pictures made elsewhere, by name, with what became of each.
    left_out : dict of str to int
        How many other files the folder holds, by suffix or kind.
    seed_effect : SeedEffect, optional
        How much the pictures follow their seeds; None if the recogniser cannot embed pictures, the
        prompts were adjusted, or the pictures were made elsewhere.
    """

    FORMAT: ClassVar[str] = "trimtab-audit"

    prompts: tuple[str, ...]
    spec: str
    intervention: dict[str, Any]
    n: int
    seeds: Seeds | None
    views: tuple[View, ...]
    by_prompt: dict[str, tuple[View, ...]] = field(default_factory=dict)
    by_subject: dict[str, tuple[View, ...]] = field(default_factory=dict)
    recogniser: str
    threshold: float
    folder: str = ""
    sources: tuple[SourceFile, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    seed_effect: SeedEffect | None = None
    second_recogniser: str = ""
    agreements: tuple[Agreement, ...] = ()

    @property
    def missed(self) -> tuple[SourceFile, ...]:
        """The files that could not be read, which are no part of any figure."""
        return tuple(one for one in self.sources if one.status == "unreadable")

    def pictures(self, seeds: Sequence[int] | None = None) -> ImageSet:
        """Return the pictures, prompt by prompt, from the result's store or their folder.

        Parameters
        ----------
        seeds : sequence of int, optional
            Seeds to return; default all.

        Raises
        ------
        FileError
            If the result was never stored, or pictures are missing.
        """
        if self.seeds is None:
            return ImageSet.from_folder(self.folder)
        wanted = range(*self.seeds) if seeds is None else seeds
        return pictures_of(self, self.spec, self.prompts, wanted)

    def files(self) -> tuple[str, ...]:
        """Return the small copies of pictures made elsewhere, which a report shows."""
        if self.store is None or not self.sources:
            return ()
        there = set(self.store.names("thumbnails"))
        named = [thumbnail_of(one.picture) for one in self.sources if one.picture]
        return tuple(name for name in dict.fromkeys(named) if Path(name).name in there)

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures; none for those made elsewhere."""
        if self.seeds is None or not self.spec:
            return []
        return [(self.spec, prompt, seed) for prompt in self.prompts for seed in range(*self.seeds)]

    def ranking(self, attribute: str) -> list[tuple[str, Figures]]:
        """Return the figures of each subject, or else each prompt, the largest deviation first.

        Parameters
        ----------
        attribute : str
            Name of the attribute.
        """
        parts = self.by_subject or self.by_prompt
        every = [(label, one.of(attribute)) for label, (one, *_) in parts.items()]
        found = [(label, one) for label, one in every if one is not None]
        # NaN, where nothing is known, comes last.
        return sorted(found, key=lambda one: -np.nan_to_num(one[1].deviation_ratio.value, nan=-1))

    def _repr_html_(self) -> str:
        return notebooks.audit(
            self.views, self.agreements, self.prompts, self.seeds, self.spec, self.store
        )

    def __str__(self) -> str:
        """Return tables: each attribute, each intersection, agreements, shares by subject."""
        figures = [one for view in self.views for one in (*view.figures, *view.intersections)]
        seeds = [] if self.seed_effect is None else [self.seed_effect.sentence()]
        tables = [*figures, *self.agreements]
        return "\n\n".join([*map(str, tables), *self._ranked(), *seeds, *self._of_files()])

    def file_facts(self) -> list[tuple[str, str]]:
        """Return what to say about the files of a folder, as (name, sentence)."""
        if not self.sources:
            return []
        kinds = Counter(Path(one.name).suffix.lower() for one in self.sources)
        blocked = sum(one.status == "blocked" for one in self.sources)
        facts = [("pictures", f"{len(self.sources):,} ({counted(dict(sorted(kinds.items())))})")]
        if self.left_out:
            facts.append(("left out", told_left_out(self.left_out).removeprefix("left out: ")))
        if blocked:
            facts.append(("blocked", f"{blocked:,}, in which nothing is visible, count as unknown"))
        if self.missed:
            of = f"{len(self.missed):,} of {len(self.sources):,}, which are no part of the figures"
            facts.append(("unreadable", of))
        return facts

    def _of_files(self) -> list[str]:
        if not self.sources:
            return []
        lines = [f"files of {self.folder}", ""]
        lines += [f"  {name}: {said}" for name, said in self.file_facts()]
        lines += [f"    {one.name}: {one.reason}" for one in self.missed[:_NAMED]]
        if len(self.missed) > _NAMED:
            lines.append(f"    and {len(self.missed) - _NAMED:,} more, which the result names")
        return ["\n".join(lines)]

    def _ranked(self) -> list[str]:
        """Return the shares of each subject or prompt, the largest deviation first."""
        found = []
        for one in self.views[0].figures if self.by_prompt else ():
            ranked = self.ranking(one.attribute)
            width = max(len(label) for label, _ in ranked)
            lines = [f"{one.title} by {'subject' if self.by_subject else 'prompt'}", ""]
            for label, own in ranked:
                shares = "  ".join(f"{g} {share.value:.2f}" for g, share in own.shares.items())
                ratio = own.deviation_ratio
                lines.append(
                    f"  {label:<{width}}  {shares}  unknown {own.unknown.value:.2f}  "
                    f"deviation ratio {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
                )
            found.append("\n".join(lines))
        return found
