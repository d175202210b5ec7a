"""A recogniser and a detector, with the store that keeps what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import Attribute
from trimtab.generation import ImageSet
from trimtab.recognition import Detections, Labels, classify, detect, embed
from trimtab.recognition.protocol import Embedder, TextEmbedder
from trimtab.recognition.questions import can_answer
from trimtab.storage import Progress, Store


@dataclass(frozen=True)
class Judges:
    """Looks at pictures by recogniser and detector.

    Parameters
    ----------
    recogniser : Recogniser
        Classifies pictures and, if it can, embeds pictures and text.
    detector : Detector, optional
        Looks for objects.
    store : Store, optional
        Where to keep answers, so that no question is asked twice.
    progress : callable, optional
        ``progress(done, total, what)``.
    """

    recogniser: Any
    detector: Any = None
    store: Store | None = None
    progress: Progress | None = None

    def answers(self, attribute: Attribute) -> bool:
        """Return whether the recogniser can be asked about an attribute."""
        return can_answer(self.recogniser, attribute)

    def labels(self, images: ImageSet, attribute: Attribute) -> Labels:
        """Return the groups of an attribute that pictures show."""
        found = classify(
            images, attribute, self.recogniser, store=self.store, progress=self.progress
        )
        return found.labels(attribute.name)

    @property
    def known_phrases(self) -> tuple[str, ...]:
        """All that the detector knows, if that is fixed; otherwise empty."""
        return tuple(getattr(self.detector, "phrases", ()))

    def objects(self, images: ImageSet, phrases: Sequence[str]) -> Detections | None:
        """Return the objects in pictures; None if there is nothing to look for, or nobody to look.

        A detector that knows only certain phrases looks for all of these instead.
        """
        asked = self.known_phrases or tuple(dict.fromkeys(phrases))
        if self.detector is None or not asked:
            return None
        return detect(images, asked, self.detector, store=self.store, progress=self.progress)

    def vectors(self, images: ImageSet) -> NDArray[np.float64] | None:
        """Return the embeddings of pictures, shape (n, e); None if the recogniser has none."""
        if not isinstance(self.recogniser, Embedder):
            return None
        looking: Any = self.recogniser
        return embed(images, looking, store=self.store).vectors.astype(np.float64)

    def text(self, sentences: Sequence[str]) -> NDArray[np.float64] | None:
        """Return the embeddings of sentences, shape (m, e); None if the recogniser has none."""
        if not isinstance(self.recogniser, TextEmbedder):
            return None
        return self.recogniser.embed_text(sentences).astype(np.float64)
