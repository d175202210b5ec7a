"""Rates of other attributes in groups that plain pictures rarely show, from the groups' prompts.

Of the doctors of a model, too few may be women to tell how many of these wear jewellery. Pictures
of "a photo of a woman doctor" tell, as far as the model draws the group alike under both prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from trimtab.concepts import Attribute
from trimtab.interventions import Intervention
from trimtab.recognition import Observations
from trimtab.statistics import FEW
from trimtab.workflows.plan import Plan
from trimtab.workflows.readings import Rates, Reading


def rates_of_rare_groups(
    plain: Reading, plan: Plan, read: Callable[[str, Intervention, range, Sequence[str]], Reading]
) -> Rates:
    """Return observations of pictures whose prompts name the groups that few plain pictures show.

    Parameters
    ----------
    plain : Reading
        Audit pictures without steering.
    plan : Plan
        Its attributes, concepts and seeds.
    read : callable
        ``(what, intervention, seeds, prompts)`` -> pictures with observations.

    Returns
    -------
    Rates
        Each picture under the plain prompt that it belongs to; empty if no group is rare, or no
        other attribute is observed.
    """
    named = {one.name: _prompts(plain, plan, one) for one in plan.steered if plan.rate_seeds}
    texts = [text for some in named.values() for parts in some.values() for text in parts]
    if not texts:
        return {}
    reading = read("rare groups", Intervention(), plan.rate_seeds, list(dict.fromkeys(texts)))
    return {
        name: {role: _under(some, one.observations) for role, one in reading.sights.items()}
        for name, some in named.items()
        if some
    }


def _prompts(plain: Reading, plan: Plan, one: Attribute) -> dict[str, tuple[str, ...]]:
    """Return the prompts of an attribute's rare groups, by plain prompt."""
    labels, found = plain.sights["recogniser"].observations.labels(one.name), {}
    for prompt, cut in plain.cuts():
        found[prompt] = tuple(
            group.prompt_on(plan.rule.concept(prompt))
            for group in one.groups
            if (labels.names[cut] == group.name).sum() < FEW
        )
    return {prompt: texts for prompt, texts in found.items() if texts}


def _under(named: Mapping[str, Sequence[str]], seen: Observations) -> Observations:
    """Return observations under the plain prompts; a picture may belong to several."""
    parts = []
    for prompt, texts in named.items():
        mine = seen.select(np.isin(seen.prompts, texts))
        parts.append(replace(mine, prompts=np.full(len(mine), prompt)))
    return reduce(Observations.extend, parts)
