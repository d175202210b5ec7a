"""The oracle: a recogniser trained on renders only, which scores benchmarks and decides nothing.

It knows only townsfolk pictures. The model card shows its confusion on held-out renders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from trimtab.errors import UsageError
from trimtab.recognition import Observations, Question, classify
from trimtab.storage import picture_hash, sha256
from trimtab.townsfolk.batches import batches, other_sizes
from trimtab.townsfolk.canvas import SIZE
from trimtab.townsfolk.captions import OBJECTS
from trimtab.townsfolk.world import (
    AGES,
    BACKDROPS,
    CONCEPTS,
    COUNTRIES,
    DECORATIONS,
    EXTRAS,
    GENDERS,
    HOUSES,
    LANDBIRDS,
    LANDS,
    SCENES,
    TONES,
    WATERBIRDS,
    WATERS,
)

if TYPE_CHECKING:
    from trimtab.storage import Store

_CODE = b"townsfolk oracle 2"  # increment with every change here that affects a probability

_PRESENT = ("with", "without")
_PEOPLE = ("portrait", "home")
_QUESTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # groups, scenes
    "scene": (SCENES, SCENES),
    "concept": ((*CONCEPTS, "house", "wedding", "waterbird", "landbird"), SCENES),
    # A home shows its owner. Of a couple, it is not asked.
    "gender": (GENDERS, _PEOPLE),
    "skin_tone": (("lighter", "darker"), _PEOPLE),
    "age": (AGES, _PEOPLE),
    "glasses": (_PRESENT, _PEOPLE),
    "jewellery": (_PRESENT, _PEOPLE),
    "monk_tone": (tuple(f"monk {tone}" for tone in TONES), ("portrait",)),
    "backdrop": (BACKDROPS, ("portrait",)),
    **{name: (_PRESENT, ("portrait",)) for name in OBJECTS},
    "wealth": (("wealthy", "poor"), ("home",)),
    "country": (COUNTRIES, ("home",)),
    "house": (HOUSES, ("home",)),
    **{name: (_PRESENT, ("home",)) for name in ("thatch", *EXTRAS)},
    "wedding_culture": (COUNTRIES, ("wedding",)),
    "couple": (("woman and man", "two women", "two men"), ("wedding",)),
    **{
        name: (_PRESENT, ("wedding",))
        for name in dict.fromkeys(name for some in DECORATIONS.values() for name in some)
    },
    "bird_background": (("water", "land"), ("bird",)),
    "bird": ((*WATERBIRDS, *LANDBIRDS), ("bird",)),
    "landscape": ((*WATERS, *LANDS), ("bird",)),
}
GROUPS = {name: groups for name, (groups, _) in _QUESTIONS.items()}
"""Attribute -> its groups."""
SHOWN_IN = {name: scenes for name, (_, scenes) in _QUESTIONS.items()}
"""Attribute -> the scenes whose pictures can show it."""


class Oracle(nn.Module):
    """A small convolutional network with one head for each attribute in `GROUPS`.

    Input: pictures (n, 3, 128, 128) in [-1, 1]. Output: logits by attribute, each (n, groups).
    """

    def __init__(self, widths: Sequence[int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *widths), widths, strict=False):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.GroupNorm(8, after),
                nn.SiLU(),
                nn.Conv2d(after, after, 3, padding=1, groups=after),
                nn.SiLU(),
            ]
        self.body = nn.Sequential(*layers)
        # The position of a feature matters (a tool, an earring), so the last map is not pooled.
        self.neck = nn.Sequential(
            nn.Conv2d(widths[-1], 24, 1), nn.Flatten(), nn.Linear(24 * 64, 256), nn.SiLU()
        )
        self.heads = nn.ModuleDict(
            {name: nn.Linear(256, len(groups)) for name, groups in GROUPS.items()}
        )

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of every attribute."""
        features = self.neck(self.body(images))
        return {name: head(features) for name, head in self.heads.items()}


class OracleRecogniser:
    """The oracle as a recogniser, with its own questions, one for each attribute in `GROUPS`.

    It answers with the most probable group, however uncertain, or with "unknown" if it takes the
    picture for a scene that cannot show the attribute.

    Parameters
    ----------
    model : Oracle
        The trained network.
    fingerprint : str
        Fingerprint of its weights and of this code.
    """

    name = "townsfolk oracle"
    questions: Mapping[str, Question] = {
        name: Question(
            name,
            name.replace("_", " "),
            groups,
            tuple((f"{name}: {group}",) for group in groups),
            threshold=0.0,
        )
        for name, groups in GROUPS.items()
    }

    def __init__(self, model: Oracle, fingerprint: str) -> None:
        self.model, self.fingerprint = model.eval(), fingerprint
        self._last: tuple[list[str], dict[str, NDArray[np.float64]]] = ([], {})

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """Return the probability of each group for each picture, shape (n, C).

        Parameters
        ----------
        images : sequence of PIL.Image
            Townsfolk pictures, 128 x 128.
        prompts : sequence of sequence of str
            The phrases of one of `questions`.

        Raises
        ------
        UsageError
            If the question is not one of `questions`, or a picture has another size.
        """
        asked = tuple(map(tuple, prompts))
        names = [name for name, question in self.questions.items() if question.phrases == asked]
        sizes = other_sizes(images)
        if not names or sizes:
            raise UsageError(
                got=f"a picture of {sizes.pop()} pixels" if sizes else f"the question {asked}",
                expected=f"pictures of {SIZE} x {SIZE} and one of the oracle's own questions",
                do="use another recogniser: the oracle knows only townsfolk pictures",
            )
        return self._every(images)[names[0]]

    def _every(self, images: Sequence[Image.Image]) -> dict[str, NDArray[np.float64]]:
        """Return the probabilities of all attributes, and cache those of the last pictures."""
        hashes = [picture_hash(image) for image in images]
        if hashes != self._last[0]:
            parts = [self._batch(tensor, n) for tensor, n in batches(images)]
            found = {name: np.concatenate([part[name] for part in parts]) for name in GROUPS}
            self._last = (hashes, found)
        return self._last[1]

    @torch.no_grad()
    def _batch(self, images: torch.Tensor, n: int) -> dict[str, NDArray[np.float64]]:
        found = {
            name: logits.double().softmax(-1).numpy()[:n]
            for name, logits in self.model(images).items()
        }
        scenes = np.array(SCENES)[found["scene"].argmax(axis=1)]
        for name, p in found.items():
            p[~np.isin(scenes, SHOWN_IN[name])] = 1 / p.shape[1]  # a tie, so unknown
        return found


@cache
def load_oracle() -> OracleRecogniser:
    """Load the trained oracle from the package."""
    model = Oracle()
    with as_file(files("trimtab.townsfolk") / "oracle.safetensors") as path:
        model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
        return OracleRecogniser(model, sha256(path.read_bytes() + _CODE))


def judge(images: Sequence[Image.Image], *, store: Store | None = None) -> Observations:
    """Label each picture for every attribute in `GROUPS`.

    Parameters
    ----------
    images : sequence of PIL.Image
        Townsfolk pictures, 128 x 128; an `ImageSet` also provides the seeds.
    store : Store, optional
        As in `trimtab.recognition.classify`.

    Returns
    -------
    Observations
        Labels by the recogniser "townsfolk oracle".
    """
    return classify(images, None, load_oracle(), store=store)
