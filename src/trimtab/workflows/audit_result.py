"""The result of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from trimtab.generation import ImageSet
from trimtab.generation.selection import Key
from trimtab.workflows import notebooks
from trimtab.workflows.records import Seeds, View
from trimtab.workflows.result import Result, pictures_of


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
        Number of pictures, over all prompts.
    seeds : tuple of int, optional
        First seed of each prompt, and the seed after the last.
    views : tuple of View
        What each recogniser perceived, over all prompts.
    by_prompt : dict of str to tuple of View
        The same by prompt; empty if there is only one prompt.
    recogniser : str
        Name of the recogniser.
    threshold : float
        The probability below which a picture is unknown.
    folder : str
        Folder of pictures made elsewhere.
    """

    FORMAT: ClassVar[str] = "trimtab-audit"

    prompts: tuple[str, ...]
    spec: str
    intervention: dict[str, Any]
    n: int
    seeds: Seeds | None
    views: tuple[View, ...]
    by_prompt: dict[str, tuple[View, ...]] = field(default_factory=dict)
    recogniser: str
    threshold: float
    folder: str = ""

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

    def keys(self) -> list[Key]:
        """Return spec, prompt and seed of the pictures; none for those made elsewhere."""
        if self.seeds is None or not self.spec:
            return []
        return [(self.spec, prompt, seed) for prompt in self.prompts for seed in range(*self.seeds)]

    def _repr_html_(self) -> str:
        return notebooks.audit(self.views, self.prompts, self.seeds, self.spec, self.store)

    def __str__(self) -> str:
        """Return tables: each attribute, each intersection, and the shares by prompt."""
        figures = [one for view in self.views for one in (*view.figures, *view.intersections)]
        return "\n\n".join([*map(str, figures), *self._by_prompt()])

    def _by_prompt(self) -> list[str]:
        found = []
        for one in self.views[0].figures if self.by_prompt else ():
            width = max(map(len, self.by_prompt))
            lines = [f"{one.title} by prompt", ""]
            for prompt, views in self.by_prompt.items():
                own = views[0].of(one.attribute)
                assert own is not None  # every prompt was asked the same
                shares = "  ".join(f"{g} {share.value:.2f}" for g, share in own.shares.items())
                ratio = own.deviation_ratio
                lines.append(
                    f"  {prompt:<{width}}  {shares}  unknown {own.unknown.value:.2f}  "
                    f"deviation ratio {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
                )
            found.append("\n".join(lines))
        return found
