"""Understanding a concept: what its text is close to, what its pictures show, where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from trimtab.concepts import (
    OVERVIEW,
    Attribute,
    PhraseList,
    as_attribute,
    phrase_list,
    phrase_lists,
    prompts_from,
)
from trimtab.errors import UsageError
from trimtab.generation import ImageSet, generate, remark_on
from trimtab.latents import AUDIT_SEEDS
from trimtab.metrics import Cluster, Discovery, Figures, Misalignment, discover, misalignments
from trimtab.metrics.discovery import LEVEL
from trimtab.pipelines import RunSettings, model_facts, model_note, model_path
from trimtab.recognition import Detections, detector_for, recogniser_for
from trimtab.recognition.protocol import recogniser_name, recogniser_version
from trimtab.statistics import Estimate, Share, corrected_shares, spearman
from trimtab.storage import Progress, Store, as_store
from trimtab.storage.specs import model_of
from trimtab.workflows.associations import (
    Entry,
    Words,
    closeness_of,
    entries_of,
    likeness_of,
    lists_of,
)
from trimtab.workflows.audits import attributes_of, result_name, spec_of_all
from trimtab.workflows.discoveries import clusters_of, evidence_of
from trimtab.workflows.judges import Judges
from trimtab.workflows.readings import Reader, Sight, views_of
from trimtab.workflows.understanding_records import Association, Closeness, Found, ObjectKind
from trimtab.workflows.understanding_result import OTHERS, UnderstandingResult

LOOKED_AT = ("gender", "skin_tone", "age")
ALSO_COMPARED = ("gender", "skin_tone", "age", "glasses", "jewellery")
"""Attributes of people that are compared with the reference, asked for or not."""
EXAMPLES = 8  # pictures with boxes, of each kind of object


def understand(
    pipe: Any,
    prompt: str,
    attributes: Attribute | str | Sequence[Attribute | str] = LOOKED_AT,
    *,
    words: Words | None = OVERVIEW,
    unrelated: Words = "unrelated",
    detector: Any = None,
    errors: Mapping[str, ArrayLike] | None = None,
    reference: str | None = None,
    vocabulary: Words | None = None,
    to: Store | str | Path | None = None,
    n: int = 50,
    n_each: int | None = None,
    first_seed: int = AUDIT_SEEDS.start,
    recogniser: Any = None,
    device: str = "auto",
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 10,
    progress: Progress | None = None,
) -> UnderstandingResult:
    """Tell what a model connects with a concept, what its pictures show, and where they differ.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    prompt : str
        The prompt of the concept, such as "a photo of a doctor".
    attributes : Attribute, str or sequence of them
        Attributes to recognise in the pictures; each of their groups is associated with the
        concept.
    words : PhraseList, str, path or sequence, optional
        Further words to associate: lists of phrases, or one by its name or file, as in
        `trimtab.concepts.phrase_list`, or the phrases themselves; None for none.
    unrelated : PhraseList, str, path or sequence
        Words that a cosine is compared with, in the same sentence. Those asked for, and those in
        the prompt, are left out.
    detector : Detector, str or path, optional
        Looks for objects, as in `trimtab.recognition.detector_for`: for all that it knows, if that
        is fixed, otherwise for the words and for the lists of objects in the vocabulary. Without
        one, no objects are looked for.
    errors : mapping of str to array_like, optional
        What is known of the recogniser's errors, by attribute: its confusion, as in
        `trimtab.statistics.corrected_shares`.
    reference : str, optional
        A prompt to compare with, such as "a photo of a person": what its pictures show more or less
        often is named, asked for or not. With 50 pictures, only large differences are found; 200
        show most of 20 points.
    vocabulary : PhraseList, str, path or sequence, optional
        What may be named, beside the groups of the attributes; default all lists that ship with
        trimtab.
    to : Store, str or Path, optional
        Where to store pictures, observations and the result, and to reuse existing ones.
    n : int
        Pictures of the concept, and of the reference.
    n_each : int, optional
        Pictures of each attribute, which tell how close the pictures of the concept are to them;
        0 for none, default `n`.
    first_seed : int
        First seed of the concept; the others are consecutive. All other pictures have seeds that
        are 5,000 higher, since pictures from the same noise are alike.
    recogniser, device
        As in `trimtab.recognition.recogniser_for`.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; default the model's own values.
    batch_size : int
        Images per call of the pipeline.
    progress : callable, optional
        ``progress(done, total, what)``.

    Returns
    -------
    UnderstandingResult
        Associations, shares, objects, disagreements and discoveries.

    Raises
    ------
    UsageError
        If there are fewer than two pictures or more than 5,000, two attributes have the same name,
        or the recogniser does not know one of them; also as in `generate` and `classify`.
    FileError, ModelError
        As in `generate`, `classify` and `detect`.
    """
    (prompt,), asked, lists = prompts_from([prompt]), attributes_of(attributes), lists_of(words)
    entries = entries_of(asked, lists)
    n_each = n if n_each is None else n_each
    for name, number, least in (("n", n, 2), ("n_each", n_each, 2 if n_each else 0)):
        if not least <= number <= OTHERS:
            raise UsageError(
                got=f"{name}={number}",
                expected=f"from 2 to {OTHERS:,}" + (", or 0" if name == "n_each" else ""),
                do="choose another number",
            )
    settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    run = settings.resolve(pipe).to_dict() | {"batch_size": batch_size}
    store = None if to is None else as_store(to)
    # Load them before generating, which takes long, since one is often missing.
    own = ImageSet([], [], model_path=model_path(pipe))
    finder = None if detector is None else detector_for(own, detector, device)
    judges = Judges(recogniser_for(own, recogniser, device=device), finder, store, progress)
    reader = Reader(asked, judges.recogniser, store)
    reader.check([prompt])
    compared = None if reference is None else _Compared.of(reference, asked, vocabulary)
    null = [phrase for one in lists_of(unrelated) for phrase in one.phrases]
    text, unlike = closeness_of(pipe, prompt, entries, null, judges)

    seeds = range(first_seed, first_seed + n)

    def make(some: str | Sequence[str], seeds: range) -> ImageSet:
        return generate(pipe, some, seeds, to=store, progress=progress, **run)

    images = make(prompt, seeds)
    reading = reader(images, (prompt,))
    objects = [phrase for one in lists if one.kind != "alternatives" for phrase in one.phrases]
    seen = judges.objects(images, objects)
    likeness: list[Estimate | None] = [None] * len(entries)
    if n_each:
        each = range(first_seed + OTHERS, first_seed + OTHERS + n_each)
        likeness = likeness_of(images, entries, lambda some: make(some, each), judges)
    views = views_of(reading, {}, [one.name for one in asked])
    associations = tuple(
        _association(
            entry,
            {encoder: rows[i] for encoder, rows in text.items()},
            likeness[i],
            reading.sights["recogniser"],
            views[0].of(entry.attribute),
            seen,
            errors or {},
        )
        for i, entry in enumerate(entries)
    )
    differs = _Differences()
    if compared is not None:
        others = make(compared.prompt, range(first_seed + OTHERS, first_seed + OTHERS + n))
        differs = _differences(images, others, compared, judges)
    identity = [prompt, spec_of_all(images), n, n_each, first_seed, *map(list, entries), null]
    identity += [compared.identity] if compared else []
    identity += [] if finder is None else [recogniser_name(finder), recogniser_version(finder)]
    shares = [one.detected for one in associations]
    close = {name: [one.cosine for one in rows] for name, rows in text.items()}
    result = UnderstandingResult(
        name=result_name("understanding", prompt, asked, {}, judges.recogniser, identity),
        model=model_of(model_facts(pipe)),
        note="\n".join(filter(None, [model_note(pipe), remark_on(images, pipe)])),
        settings=run,
        prompt=prompt,
        spec=spec_of_all(images),
        n=len(images),
        n_each=n_each,
        seeds=(seeds.start, seeds.stop),
        views=views,
        associations=associations,
        unrelated=unlike,
        agreement={encoder: _agreement(some, shares) for encoder, some in close.items()},
        agreement_of_pictures=_agreement(
            [None if one is None else one.value for one in likeness], shares
        ),
        misalignments=_misalignments(associations),
        objects=() if seen is None else _counted(seen),
        reference="" if compared is None else compared.prompt,
        compared=differs.compared,
        discoveries=differs.discoveries,
        clusters=differs.clusters,
        recogniser=recogniser_name(judges.recogniser),
        detector="" if finder is None else recogniser_name(finder),
    )
    return result if store is None else result.save(store)


def _association(
    entry: Entry,
    text: dict[str, Closeness],
    likeness: Estimate | None,
    sight: Sight,
    figures: Figures | None,
    seen: Detections | None,
    errors: Mapping[str, ArrayLike],
) -> Association:
    found = Association(entry.phrase, entry.kind, entry.sentence, text, likeness)
    if figures is not None:
        corrected = None
        if entry.attribute in errors:
            labels = sight.observations.labels(entry.attribute)
            counts = np.bincount(labels.codes[labels.known], minlength=len(labels.groups))
            place = labels.groups.index(entry.group)
            corrected = corrected_shares(counts, errors[entry.attribute])[place]
        shares = figures.shares
        return replace(found, detected=shares[entry.group], corrected=corrected, by="recogniser")
    counted = {} if seen is None else seen.counts()
    if entry.phrase in counted:
        return replace(found, detected=counted[entry.phrase].pictures, by="detector")
    return found


def _agreement(close: Sequence[float | None], shares: Sequence[Share | None]) -> Estimate:
    """Return the rank correlation of closeness and detected share, where both are known."""
    pairs = [
        (near, share.value)
        for near, share in zip(close, shares, strict=True)
        if near is not None and share is not None and math.isfinite(share.value)
    ]
    return spearman([near for near, _ in pairs], [value for _, value in pairs])


def _misalignments(associations: Sequence[Association]) -> tuple[Misalignment, ...]:
    """Return where the shares differ from the cosines by the first encoder."""
    found = [
        (one.phrase, next(iter(one.text.values())).cosine, one.detected)
        for one in associations
        if one.text and one.detected is not None and math.isfinite(one.detected.value)
    ]
    return misalignments(
        [phrase for phrase, _, _ in found],
        [near for _, near, _ in found],
        [share for _, _, share in found],
    )


def _counted(seen: Detections) -> tuple[ObjectKind, ...]:
    """Return the objects that were found, those in most pictures first."""
    counts = seen.counts().values()
    found = sorted((one for one in counts if one.objects), key=lambda one: -one.pictures.value)
    return tuple(
        ObjectKind(one.phrase, one.pictures, one.objects, _examples(seen, one.phrase))
        for one in found
    )


def _examples(seen: Detections, phrase: str) -> tuple[Found, ...]:
    every = (next((one for one in seen[i] if one.phrase == phrase), None) for i in range(len(seen)))
    found = [
        Found(int(seed), best.score, best.box)
        for seed, best in zip(seen.seeds, every, strict=True)
        if best is not None
    ]
    return tuple(sorted(found, key=lambda one: -one.score)[:EXAMPLES])


class _Compared(NamedTuple):
    """What to compare with a reference."""

    prompt: str
    attributes: tuple[Attribute, ...]
    lists: tuple[PhraseList, ...]

    @classmethod
    def of(cls, prompt: str, asked: Sequence[Attribute], vocabulary: Words | None) -> _Compared:
        """Check the reference and the vocabulary; an own attribute replaces the catalogue's."""
        (text,) = prompts_from([prompt])
        lists = [*map(phrase_list, phrase_lists())] if vocabulary is None else lists_of(vocabulary)
        for one in lists:
            if one.kind == "alternatives":
                _ = one.attribute  # refuse it here if there is only one
        attributes = {one.name: one for one in map(as_attribute, ALSO_COMPARED)}
        attributes |= {one.name: one for one in asked}
        return cls(text, tuple(attributes.values()), tuple(lists))

    @property
    def identity(self) -> list[Any]:
        """What tells it from other comparisons."""
        return [self.prompt, *([one.name, one.kind, *one.sentences] for one in self.lists)]


class _Differences(NamedTuple):
    """What differs, with seeds instead of places, and the number of phrases compared."""

    compared: int = 0
    discoveries: tuple[Discovery, ...] = ()
    clusters: tuple[Cluster, ...] = ()


def _differences(
    images: ImageSet, others: ImageSet, compared: _Compared, judges: Judges
) -> _Differences:
    asked = images, others, compared.attributes, compared.lists, judges
    evidence = list(evidence_of(*asked))
    return _Differences(
        sum(len(one.phrases) for one in evidence),
        tuple(_with_seeds(discover(evidence), images, others)),
        tuple(_with_seeds((one for one in clusters_of(*asked) if one.q <= LEVEL), images, others)),
    )


def _with_seeds(found: Any, images: ImageSet, others: ImageSet) -> Iterator[Any]:
    """Yield discoveries or clusters whose carriers are seeds."""
    for one in found:
        seeds = (images if one.over else others).seeds
        yield replace(one, carriers=tuple(int(seeds[place]) for place in one.carriers))
