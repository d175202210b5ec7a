"""What recogniser and detector say of two sets of pictures, to find what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import Attribute, PhraseList
from trimtab.generation import ImageSet
from trimtab.metrics import Cluster, Evidence, clusters
from trimtab.recognition import Detections, Labels
from trimtab.workflows.judges import Judges


def evidence_of(
    concept: ImageSet,
    reference: ImageSet,
    attributes: Sequence[Attribute],
    lists: Sequence[PhraseList],
    judges: Judges,
) -> Iterator[Evidence]:
    """Yield what is known of pictures of a concept and of a reference.

    Attributes and lists of alternatives are classified, where the recogniser can be asked. A
    detector looks for all that it knows or, if it takes any phrase, for the lists of objects. For
    all other phrases there are cosines. A judge who can tell anything of fewer than two pictures on
    a side is left out.

    Parameters
    ----------
    concept, reference : ImageSet
        The pictures.
    attributes : sequence of Attribute
        Attributes to classify.
    lists : sequence of PhraseList
        The vocabulary.
    judges : Judges
        Who looks at the pictures.
    """
    for one in _evidence(concept, reference, attributes, lists, judges):
        if one.phrases and all(fine.sum() >= 2 for fine in one.seen):
            yield one


def _evidence(
    concept: ImageSet,
    reference: ImageSet,
    attributes: Sequence[Attribute],
    lists: Sequence[PhraseList],
    judges: Judges,
) -> Iterator[Evidence]:
    sides = (concept, reference)
    chosen = [one.attribute for one in lists if one.kind == "alternatives"]
    for one in filter(judges.answers, (*attributes, *chosen)):
        first, second = (_shown(judges.labels(side, one)) for side in sides)
        said = tuple(group.said for group in one.groups)
        yield Evidence(said, (one.title,) * len(said), "recogniser", first, second)
    objects = {
        phrase: one.title for one in lists if one.kind == "objects" for phrase in one.phrases
    }
    looked_for: set[str] = set()
    seen = [judges.objects(side, [*objects]) for side in sides]
    if seen[0] is not None and seen[1] is not None:
        names = tuple(dict.fromkeys([*seen[0].counts(), *seen[1].counts()]))
        looked_for = {*seen[0].phrases, *names}
        kinds = tuple(objects.get(name, "objects") for name in names)
        first, second = (_found(each, names) for each in seen if each is not None)
        yield Evidence(names, kinds, "detector", first, second)
    rest = {
        sentence: (phrase, one.title)
        for one in lists
        if one.kind != "alternatives"
        for phrase, sentence in zip(one.phrases, one.sentences, strict=True)
        if not (one.kind == "objects" and phrase in looked_for)
    }
    vectors, text = [judges.vectors(side) for side in sides], judges.text([*rest]) if rest else None
    if text is not None and vectors[0] is not None and vectors[1] is not None:
        phrases, kinds = zip(*rest.values(), strict=True)
        first, second = (rows @ text.T for rows in vectors if rows is not None)
        yield Evidence(tuple(phrases), tuple(kinds), "cosine", first, second)


def clusters_of(
    concept: ImageSet,
    reference: ImageSet,
    attributes: Sequence[Attribute],
    lists: Sequence[PhraseList],
    judges: Judges,
) -> tuple[Cluster, ...]:
    """Return groups of similar pictures, with the nearest words of the vocabulary.

    Empty if the recogniser cannot embed pictures. Parameters are those of `evidence_of`.
    """
    first, second = judges.vectors(concept), judges.vectors(reference)
    if first is None or second is None:
        return ()
    words = {group.said: group.prompt for one in attributes for group in one.groups}
    for one in lists:
        words |= dict(zip(one.phrases, one.sentences, strict=True))
    return clusters(first, second, [*words], judges.text([*words.values()]))


def _shown(labels: Labels) -> NDArray[np.float64]:
    """Return 1 where a picture shows a group, 0 where it shows another, NaN if that is unknown."""
    codes = labels.codes[:, None]
    return np.where(codes < 0, np.nan, codes == np.arange(len(labels.groups)))


def _found(seen: Detections, names: Sequence[str]) -> NDArray[np.float64]:
    """Return 1 where a picture shows an object, 0 where not, NaN if nothing can be seen in it."""
    shown = np.zeros((len(seen), len(names)))
    place = {name: i for i, name in enumerate(names)}
    for i in range(len(seen)):
        for one in seen[i]:
            shown[i, place[one.phrase]] = 1
    return np.where(seen.known[:, None], shown, np.nan)
