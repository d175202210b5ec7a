"""Plans: what a mitigation is told, checked before any work, and its seeds."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from trimtab.concepts import Target, attribute, concept_pack
from trimtab.errors import UsageError
from trimtab.recognition import Labels
from trimtab.workflows.concept_rule import ConceptRule
from trimtab.workflows.plan import MOST_DOSES, PLAIN_BLOCKS, Plan

PROMPT = "a photo of a doctor"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompts": ""},
        {"prompts": ()},
        {"prompts": (PROMPT, PROMPT)},
        {"prompts": "a photo of a unicorn", "concepts": "townsfolk"},
        {"attributes": ()},
        {"attributes": ("nothing",)},
        {"attributes": ("gender", "gender")},
        {"attributes": ("monk_tone",)},
        {"concepts": "nowhere"},
        {"n": 1},
        {"n": 10_001},
        {"n": 2.5},
        {"n": math.nan},
        {"n_capture": 1},
        {"n_rates": -1},
        {"n_rates": 2.5},
        {"n_dose": 0},
        {"controls": -1},
        {"batch_size": 0},
        {"precision": 0.0},
        {"precision": 1.0},
        {"precision": math.nan},
        {"precision": 0.001},
        {"on": ""},
        {"target": "woman=0.3"},
        {"target": {"woman": "x", "man": 0.5}},
        {"confidence": 1.0},
        {"budget": 0},
        {"target": {"woman": 0.4, "man": 0.4}},
        {"target": {"woman": 0.4, "person": 0.6}},
        {"target": {"age": {"young": 0.5, "old": 0.5}}},
        {"attributes": ("gender", "skin_tone"), "target": {"woman": 0.3, "man": 0.7}},
    ],
)
def test_a_plan_refuses_what_cannot_be_done(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"got .*; expected .*; "):
        Plan(**{"prompts": PROMPT, "attributes": ("gender",)} | wrong)


def test_names_stand_for_attributes_and_packs() -> None:
    by_name = Plan(PROMPT, ("gender",), watch=("age", "gender"), concepts="townsfolk")
    by_value = Plan(
        (PROMPT,),
        (attribute("gender"),),
        watch=(attribute("age"),),
        concepts=concept_pack("townsfolk"),
    )
    assert by_name.facts() == by_value.facts()
    assert Plan(PROMPT, "gender").facts() == Plan(PROMPT, ["gender"]).facts()


@pytest.mark.parametrize("prompts", [(PROMPT,), tuple(f"a photo of a {w}" for w in "abc")])
@pytest.mark.parametrize(("n_dose", "batch_size"), [(30, 10), (24, 8), (400, 10), (7, 3)])
def test_the_seeds_of_a_plan_are_disjoint_and_in_whole_blocks(
    prompts: tuple[str, ...], n_dose: int, batch_size: int
) -> None:
    plan = Plan(prompts, "gender", n=10_000, n_capture=10_000, n_dose=n_dose, batch_size=batch_size)
    assert plan.refinement is not None
    blocks = [plan.calibration_seeds(dose) for dose in range(MOST_DOSES + 1)]
    each = len(blocks[1])
    assert each * len(prompts) >= n_dose > (each - batch_size) * len(prompts)
    assert list(map(len, blocks)) == [PLAIN_BLOCKS * each, *[each] * MOST_DOSES]
    made, refining = 0, []
    while made < plan.refinement.budget:
        left = plan.refinement.budget - made
        refining.append(plan.refining_seeds(made, min(left, 100)))
        made += len(refining[-1]) * len(prompts)
    for block in (*blocks, *refining):
        assert block.start % batch_size == len(block) % batch_size == 0
    every = [*plan.audit_seeds, *plan.capture_seeds, *itertools.chain(*blocks, *refining)]
    assert len(set(every)) == len(every)
    first, after = plan.seed_ranges["calibration"]
    assert all(first <= seed < after for block in (*blocks, *refining) for seed in block)


def test_pictures_of_rare_groups_are_planned_where_something_else_is_watched() -> None:
    alone, watching = (Plan(PROMPT, "gender", n=40, watch=watch) for watch in ((), ("age",)))
    assert len(alone.rate_seeds) == 0 and len(watching.rate_seeds) == 20
    assert watching.pictures == alone.pictures + 2 * 20
    assert len(Plan(PROMPT, ("gender", "skin_tone"), n_rates=7).rate_seeds) == 7
    without = Plan(PROMPT, "gender", n=40, watch=("age",), n_rates=0)
    assert without.pictures == alone.pictures


def test_local_directions_are_another_study() -> None:
    whole, local = (Plan(PROMPT, "gender", local=local) for local in (False, True))
    assert whole.deciding() != local.deciding()
    assert whole.pictures == local.pictures


def test_names_that_differ_in_case_are_one_contrast() -> None:
    plan = Plan(("a photo of a Doctor", "a picture of a doctor"), "gender")
    assert plan.contrast == ("Doctor",)


def test_a_target_may_be_any_distribution_and_keeps_its_source() -> None:
    target = Target({"woman": 0.3, "man": 0.7}, "labour statistics, 2024")
    assert Plan(PROMPT, "gender", target=target).targets["gender"] == target
    both = Plan(PROMPT, ("gender", "skin_tone"), target={"gender": target}).targets
    assert both["gender"] == target
    assert both["skin_tone"].shares == {"lighter": 0.5, "darker": 0.5}


def test_a_picture_keeps_its_concept_where_a_group_fits_better_with_it_than_without() -> None:
    rule = ConceptRule([attribute("gender")])
    question = rule.question(PROMPT)
    assert [group.phrases for group in question.groups] == [
        ("a photo of a woman doctor",),
        ("a photo of a woman",),
        ("a photo of a man doctor",),
        ("a photo of a man",),
    ]
    p = [[0.4, 0.3, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4], [0.1, 0.4, 0.3, 0.2], [0.25] * 4]
    labels = Labels("concept", question.names, np.array(p))
    assert rule.kept(labels, PROMPT).tolist() == [True, False, True, False]
    black = Labels("concept", question.names, np.array(p), blocked=np.ones(4, bool))
    assert not rule.kept(black, PROMPT).any()


def test_a_concept_is_not_kept_more_easily_the_more_attributes_there_are() -> None:
    one, two = (
        ConceptRule([attribute(a) for a in names]) for names in (["age"], ["age", "gender"])
    )
    rng = np.random.default_rng(0)
    for rule in (one, two):
        names = rule.question(PROMPT).names
        noise = rng.dirichlet(np.ones(len(names)), 4000)
        lost = np.tile([0.2, 0.8], (1, len(names) // 2)) / (len(names) // 2)
        labels = Labels("concept", names, np.concatenate([noise, lost]))
        kept = rule.kept(labels, PROMPT)
        assert kept[:-1].mean() < 0.85
        assert not kept[-1]


def test_with_a_pack_a_picture_keeps_its_concept_where_it_fits_it_best() -> None:
    pack = concept_pack("townsfolk")
    rule = ConceptRule([attribute("gender")], pack)
    p = np.full((2, len(pack.names)), 0.01)
    p[0, pack.names.index("doctor")] = p[1, pack.names.index("nurse")] = 1 - 0.01 * (p.shape[1] - 1)
    labels = Labels("concept", pack.names, p)
    assert rule.kept(labels, PROMPT).tolist() == [True, False]
    assert rule.concept(PROMPT) == "doctor"


def test_attributes_whose_own_prompts_name_the_concept_tell_nothing_of_it() -> None:
    prompt, culture = "a photo of a wedding", attribute("wedding_culture")
    assert ConceptRule([culture]).question(prompt) is None
    both = ConceptRule([culture, attribute("skin_tone")])
    question = both.question(prompt)
    assert question is not None
    assert len(question.groups) == 4
    p = [[0.4, 0.3, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]]
    labels = Labels("concept", question.names, np.array(p))
    assert both.kept(labels, prompt).tolist() == [True, False]


def test_an_oracle_tells_only_of_concepts_that_it_knows_and_by_more_than_a_tie() -> None:
    rule, groups = ConceptRule([attribute("gender")]), ("doctor", "nurse", "person")
    assert rule.answered_by(groups, PROMPT)
    assert not rule.answered_by(groups, "a photo of a wedding")
    labels = Labels("concept", groups, np.array([[0.5, 0.3, 0.2], [1 / 3] * 3]), threshold=0.0)
    assert rule.kept(labels, PROMPT).tolist() == [True, False]
