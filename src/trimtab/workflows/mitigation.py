"""The complete mitigation: audit, learn, choose the strengths, steer, audit again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trimtab.concepts import Attribute, begins_like_a_photo
from trimtab.errors import UsageError
from trimtab.generation import ImageSet
from trimtab.pipelines import model_path
from trimtab.recognition import recogniser_for
from trimtab.storage import Progress, Store, as_store
from trimtab.workflows.mitigation_result import MitigationResult
from trimtab.workflows.plan import Plan
from trimtab.workflows.readings import Oracle
from trimtab.workflows.study import Study


def mitigate(
    pipe: Any,
    plan: Plan | str | Sequence[str],
    attributes: Attribute | str | Sequence[Attribute | str] = (),
    *,
    to: Store | str | Path,
    recogniser: Any = None,
    device: str = "auto",
    oracle: Oracle | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> MitigationResult:
    """Move the shares of groups to a target by steering the initial noise.

    A store keeps everything that is generated: a rerun of the same call resumes there, and other
    calls reuse what they have in common.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    plan : str, sequence of str or Plan
        The prompts, or a whole `Plan`.
    attributes : Attribute, str or sequence of them
        Attributes to mitigate; leave out if `plan` is a `Plan`.
    to : Store, str or Path
        Where to store pictures, latents, directions, observations and the result.
    recogniser, device
        As in `trimtab.recognition.recogniser_for`.
    oracle : callable, optional
        Returns another recogniser's observations of an `ImageSet`. They are reported, but not used
        for any decision.
    progress : callable, optional
        ``progress(done, total, what)``.
    **options
        Other settings of `Plan`, such as ``target`` and ``precision``.

    Returns
    -------
    MitigationResult
        Its `file` in the store holds the mitigation.

    Raises
    ------
    UsageError, FileError, ModelError
        As in `Plan`, `generate`, `capture` and `classify`.
    """
    if not isinstance(plan, Plan):
        plan = Plan(plan, attributes, **options)  # type: ignore[arg-type]
    elif attributes or options:
        beside = ["attributes"] * bool(attributes) + [*options]
        raise UsageError(
            got=f"a Plan together with {', '.join(beside)}",
            expected="a Plan alone, or prompts with attributes and options",
            do="set them in the Plan",
        )
    _warn_of_guesses(plan)
    found = recogniser_for(ImageSet([], [], model_path=model_path(pipe)), recogniser, device=device)
    return Study(pipe, plan, as_store(to), found, oracle, progress).run()


class ContrastWarning(UserWarning):
    """Warning that the concept to learn a direction on was guessed from the prompt."""


def _warn_of_guesses(plan: Plan) -> None:
    guessed = [p for p in plan.prompts if not begins_like_a_photo(p)]
    if guessed and plan.on is None and plan.rule.pack is None:
        prompts = " / ".join(f"“{texts[0]}”" for texts in plan.contrast_prompts.values())
        warnings.warn(
            f"the direction is learned from {prompts}; if these do not read well, name the "
            "concept with on=, or --on on the command line",
            ContrastWarning,
            stacklevel=3,
        )
