"""Statements on methods and limitations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.drawing.words import listed, percent
from trimtab.interventions import Adjustment
from trimtab.metrics.discovery import LEAST_DELTA, LEAST_POINTS, LEVEL
from trimtab.report.tables import span
from trimtab.statistics import LEAST_DISTANCE, LEAST_SEED_SHARE
from trimtab.workflows.records import View
from trimtab.workflows.results import (
    AnyResult,
    AuditResult,
    LearnResult,
    MitigationResult,
    PanelsResult,
    SensitivityResult,
    UnderstandingResult,
)


def model_name(result: AnyResult) -> str:
    """Return the name of the model; empty for pictures made elsewhere."""
    return str(result.model.get("name", ""))


def folder_name(result: AnyResult) -> str:
    """Return the folder of pictures made elsewhere; empty for those of a model."""
    return result.folder if isinstance(result, AuditResult) else ""


def facts(
    results: Sequence[AnyResult], models: Sequence[str], folders: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the key facts shown below the title, as (name, value)."""
    found = [("model", listed(models))] if models else []
    if folders:
        found.append(("folders" if len(folders) > 1 else "folder", listed(folders)))
    prompts = list(dict.fromkeys(prompt for one in results for prompt in _prompts(one)))
    if prompts:
        found.append(("prompts" if len(prompts) > 1 else "prompt",
                      str(len(prompts)) if len(prompts) > 2 else listed(prompts)))  # fmt: skip
    counts = [n for one in results for n in _counts(one)]
    if counts:
        told = " or ".join(f"{n:,}" for n in sorted(set(counts)))
        found.append(("pictures in each set" if len(counts) > 1 else "pictures", told))
    made = sum(one.made for one in results if isinstance(one, MitigationResult))
    if made:
        budget = sum(one.planned for one in results if isinstance(one, MitigationResult))
        found.append(("pictures made", f"{made:,} of {budget:,} planned"))
    # Of the pictures in a folder, it is not known how they were made.
    noise = {_noise(one) for one in results if isinstance(one, AuditResult) and one.prompts}
    return [*found, *(("pictures are", one) for one in sorted(noise))]


def _prompts(result: AnyResult) -> Sequence[str]:
    return () if isinstance(result, LearnResult | PanelsResult) else result.prompts


def _counts(result: AnyResult) -> list[int]:
    if isinstance(result, MitigationResult):
        return [arm.n for arm in result.arms]
    return (
        [result.n]
        if isinstance(result, AuditResult | SensitivityResult | UnderstandingResult)
        else []
    )


def _noise(result: AuditResult) -> str:
    record = result.intervention
    steered = bool((record.get("steering") or record).get("terms"))
    adjusted = bool(record.get("adjustment"))
    done = ["steered"] * steered + ["adjusted in their prompt"] * adjusted
    return listed(done) or "plain"


def methods(results: Sequence[AnyResult]) -> list[str]:
    """Return the statements on methods, each once."""
    return list(dict.fromkeys(said for result in results for said in _methods(result)))


def _methods(result: AnyResult) -> Iterator[str]:
    if isinstance(result, SensitivityResult):
        yield from _analysed(result)
    if isinstance(result, UnderstandingResult):
        yield from _understood(result)
    if not isinstance(result, AuditResult | MitigationResult):
        return
    if isinstance(result, MitigationResult):
        yield from _mitigated(result)
    figures = next((one for view in _views(result) for one in view.figures), None)
    level = percent(figures.confidence if figures else None)
    yield (
        "A picture is “unknown” if it is blocked, or if its most probable group has "
        f"a probability below {result.threshold:g}. Shares are over all pictures, including "
        "unknown ones; deviation ratios and the other figures are over the known pictures. Files "
        "that cannot be read are no part of any figure."
    )
    yield f"Intervals are at {level} unless stated otherwise; those of shares are Wilson intervals."
    if isinstance(result, MitigationResult):
        yield (
            "Intervals of paired differences are Tango intervals; those of means are bootstrap "
            "intervals. Tests are exact McNemar or Stuart–Maxwell tests, with Holm's correction "
            "over several attributes."
        )
    if isinstance(result, AuditResult) and result.second_recogniser:
        yield (
            f"The second recogniser, {result.second_recogniser}, is for comparison. Cohen's kappa "
            "is the agreement beyond chance, over the pictures known to both; its interval is that "
            "of Fleiss, Cohen and Everitt, with two pictures added to the table. Agreement does "
            "not show that either is right."
        )
    yield (
        "The noise floor of a figure is the average that chance alone would produce, at the same "
        "number of pictures, for a sampler that meets the target exactly. That of FD is an upper "
        "bound, since FD is computed from probabilities."
    )


def _analysed(result: SensitivityResult) -> Iterator[str]:
    yield (
        "Every paraphrase was drawn from the same seeds. Shares of the variance are random-effects "
        "estimates of a two-way layout without replication, from its mean squares. Those of "
        "embeddings and probabilities add up over their dimensions. Intervals are 95\u202f% "
        "bootstrap intervals, over prompts and seeds."
    )
    yield (
        f"Pictures follow their noise enough for steering if two seeds of one prompt differ by a "
        f"mean cosine distance of at least {LEAST_DISTANCE:g}, of what the initial noise alone "
        f"decides, and at least {percent(LEAST_SEED_SHARE)} of the variance over the paraphrases "
        "lies within one of them. Distances depend on the recogniser, here "
        f"{result.recogniser}."
    )


def _understood(result: UnderstandingResult) -> Iterator[str]:
    yield (
        "Association in text is the cosine of the embeddings of two sentences. Its percentage is "
        "the part of unrelated words that are as close or closer, in the same sentence. "
        "Association in pictures is the mean cosine over all pairs of a picture of the concept and "
        "one of the attribute, from different seeds, with a bootstrap interval over pictures."
    )
    yield (
        "Shares of groups are by the recogniser, shares of other attributes by the detector. The "
        "rank correlation is that of Spearman, with the interval of Bonett and Wright; it is not "
        "stated for fewer than four attributes. Attributes are not a random sample of words, so "
        "that it describes this list."
    )
    if result.reference:
        yield (
            "Discoveries compare pictures from different seeds: shares by Fisher's exact test, "
            "with Newcombe intervals, over the pictures in which they could be told; cosines by "
            "the test of Mann and Whitney, with Cliff's delta. The procedure of Benjamini and "
            f"Hochberg keeps the expected part of false discoveries at {percent(LEVEL)}. "
            f"Differences below {100 * LEAST_POINTS:.0f} points, or {LEAST_DELTA:g} of Cliff's "
            "delta, are not named. Groups of similar pictures are those of k-means."
        )


def _views(result: MitigationResult | AuditResult) -> Iterator[View]:
    if isinstance(result, AuditResult):
        yield from result.views
    else:
        yield from (view for arm in result.arms for view in arm.views)


def _mitigated(result: MitigationResult) -> Iterator[str]:
    if any(arm.intervention.get("adjustment") for arm in result.arms):
        yield (
            "In all but the plain pictures, the prompt was changed: "
            f"{listed(_adjustments(result))}. In those that are called steered, random or generic, "
            "the initial noise was steered as well: noise + strength × direction. Weights were not "
            "changed."
        )
    else:
        yield (
            "Only the initial noise was changed: noise + strength × direction. Prompt, embeddings "
            "and weights were not changed. A seed gives the same plain noise in every set."
        )
    ranges = listed([f"{name} seeds {span(seeds)}" for name, seeds in sorted(result.seeds.items())])
    yield f"Each purpose has its own seeds: {ranges}. Audit seeds were not used for any decision."
    oracle = any(view.role == "oracle" for view in _views(result))
    yield (
        "Every decision (the group to raise, the step, the strength) used only the recogniser, "
        f"{result.recogniser}." + (" The oracle decided nothing." if oracle else "")
    )
    if any(view.concept_kept for view in _views(result)):
        yield f"“Concept kept” means: {result.concept_rule}."
    if any(one.generic for one in result.attributes):
        yield (
            "The generic SVM is the published method (Lopez Olmos et al., 2024), learned from "
            "prompts without the concept."
        )


def _adjustments(result: MitigationResult) -> list[str]:
    records = [arm.intervention.get("adjustment") for arm in result.arms]
    return list(dict.fromkeys(str(Adjustment.from_dict(one)) for one in records if one))


def reserves(results: Sequence[AnyResult]) -> list[str]:
    """Return the limitations of the figures."""
    notes = [line for one in results for line in one.note.splitlines()]
    prompts = {prompt for one in results for prompt in _prompts(one)}
    asked = "these prompts" if len(prompts) > 1 else "one prompt"
    shown = f"pictures of one model for {asked}" if prompts else "these pictures"
    found = [
        *dict.fromkeys(notes),
        "Attributes are what a recogniser perceives in a picture. They are not anyone's identity, "
        "and a small number of groups is a coarse description of people.",
        f"The figures describe {shown}. They are not a statement about people, and a target is a "
        "choice, not a fact.",
    ]
    if any(isinstance(one, MitigationResult) for one in results):
        found.append(
            "Steering mitigates what was measured. Assess other attributes and prompts separately."
        )
    return found
