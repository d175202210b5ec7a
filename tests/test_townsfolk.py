"""Townsfolk: what is drawn, how often, and what the captions say about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trimtab.concepts import attribute, concept_pack
from trimtab.errors import UsageError
from trimtab.townsfolk import CARDS, CONCEPTS, JOBS, BiasCard, Person, captions
from trimtab.townsfolk.render import SIZE, draw
from trimtab.townsfolk.world import AGES, BACKDROPS, GENDERS, TONES

DOCTOR = Person("doctor", "woman", 3, "young", glasses=False, jewellery=False, backdrop="blue")
MONK = (  # the Monk skin tone scale as published
    "f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a",
    "292420",
)  # fmt: skip

persons = st.builds(
    Person,
    concept=st.sampled_from(CONCEPTS),
    gender=st.sampled_from(GENDERS),
    tone=st.sampled_from(TONES),
    age=st.sampled_from(AGES),
    glasses=st.booleans(),
    jewellery=st.booleans(),
    backdrop=st.sampled_from(BACKDROPS),
)
named_sets = st.sets(st.sampled_from(captions.NAMEABLE))
seeds = st.integers(0, 2**32 - 1)


def pixels(person: Person, seed: int = 0) -> np.ndarray:
    return np.asarray(draw(person, np.random.default_rng(seed)), dtype=np.int64)


# --- pictures --------------------------------------------------------------------------------


def test_a_picture_depends_on_person_and_generator_alone():
    image = draw(DOCTOR, np.random.default_rng(5))
    assert (image.mode, image.size) == ("RGB", (SIZE, SIZE)) == ("RGB", (128, 128))
    for seed, concept in enumerate(CONCEPTS):  # whatever was drawn on that backdrop in between
        pixels(replace(DOCTOR, concept=concept), seed)
    assert draw(DOCTOR, np.random.default_rng(5)).tobytes() == image.tobytes()
    assert draw(DOCTOR, np.random.default_rng(6)).tobytes() != image.tobytes()


def test_drawing_takes_nothing_from_the_global_generator():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    pixels(DOCTOR)
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_gender_tone_and_age_is_drawn(concept):
    seen = set()
    for k, (gender, tone) in enumerate(product(GENDERS, TONES)):
        person = Person(
            concept, gender, tone, AGES[k % 2], k % 3 == 0, k % 4 == 0, BACKDROPS[k % 5]
        )
        image = draw(person, np.random.default_rng(k))
        assert (image.mode, image.size) == ("RGB", (SIZE, SIZE))
        seen.add(image.tobytes())
    assert len(seen) == len(GENDERS) * len(TONES)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "change",
    [
        {"gender": "man"},
        {"age": "old"},
        {"glasses": True},
        {"jewellery": True},
        *({"concept": concept} for concept in CONCEPTS if concept != "doctor"),
        *({"backdrop": backdrop} for backdrop in BACKDROPS if backdrop != "blue"),
        *({"tone": tone} for tone in TONES if tone != 3),
    ],
    ids=str,
)
def test_one_other_attribute_can_be_seen(change, seed):
    apart = np.abs(pixels(DOCTOR, seed) - pixels(replace(DOCTOR, **change), seed)).max(axis=-1)
    assert (apart > 4).sum() >= 40  # of 16,384 pixels


def test_the_skin_is_as_light_as_its_monk_tone():
    seen = []
    for tone, text in zip(TONES, MONK, strict=True):
        person = replace(DOCTOR, tone=tone)
        faces = np.stack([pixels(person, seed)[65:70, 58:70] for seed in range(8)])
        published = [int(text[i : i + 2], 16) for i in (0, 2, 4)]
        assert np.abs(np.median(faces, axis=(0, 1, 2)) - published).max() <= 8
        seen.append(faces.mean(axis=(0, 1, 2)))
    # Tones 2 and 3 are about equally light; blue, which falls throughout, tells them apart.
    assert (np.diff(np.array(seen)[:, 2]) < -3).all()
    light = np.array(seen).mean(axis=1)
    assert light[:5].min() > light[5:].max() + 40  # lighter and darker are told apart with ease


def test_backdrops_have_their_colour():
    plain = replace(DOCTOR, concept="person")
    corner = {
        name: pixels(replace(plain, backdrop=name), 1)[:8, :8].mean(axis=(0, 1))
        for name in BACKDROPS
    }
    for one, other in product(BACKDROPS, BACKDROPS):
        assert one == other or np.abs(corner[one] - corner[other]).max() > 20
    red, green, blue = range(3)
    assert corner["blue"].argmax() == blue
    assert corner["green"].argmax() == green
    assert corner["pink"].argmax() == red
    assert corner["yellow"].argmin() == blue
    assert np.ptp(corner["grey"]) < 16


# --- the bias cards --------------------------------------------------------------------------


def card_text(name: str) -> str:
    return (files("trimtab.townsfolk") / "cards" / f"{name}.yaml").read_text(encoding="utf-8")


def agrees(hits: Iterable[bool], share: float) -> bool:
    """Return whether a count is within four standard deviations of that expected from a share."""
    found = list(hits)
    bound = 4 * (share * (1 - share) / len(found)) ** 0.5
    return abs(sum(found) / len(found) - share) <= bound


@pytest.mark.parametrize("name", CARDS)
def test_drawn_shares_are_those_of_the_file(name):
    table, card = yaml.safe_load(card_text(name)), BiasCard.load(name)
    rng = np.random.default_rng(1)
    everybody = []
    for concept, row in table["concepts"].items():
        drawn = [card.person(concept, rng) for _ in range(400)]
        assert {p.concept for p in drawn} == {concept}
        assert agrees((p.gender == "woman" for p in drawn), row["women"])
        assert agrees((p.skin == "darker" for p in drawn), row["darker"])
        assert agrees((p.age == "old" for p in drawn), row["old"])
        everybody += drawn
    for group, first in (("lighter", 1), ("darker", 6)):
        of_group = [p.tone for p in everybody if p.skin == group]
        for k, share in enumerate(table["tones"][group]):
            assert agrees((tone == first + k for tone in of_group), share)
    for age, share in table["given"]["glasses"].items():
        assert agrees((p.glasses for p in everybody if p.age == age), share)
    for gender, share in table["given"]["jewellery"].items():
        assert agrees((p.jewellery for p in everybody if p.gender == gender), share)
    for backdrop, share in table["backdrops"].items():
        assert agrees((p.backdrop == backdrop for p in everybody), share)


def test_gender_and_skin_tone_are_independent_given_the_concept():
    card, rng = BiasCard.load(), np.random.default_rng(2)
    drawn = [card.person("teacher", rng) for _ in range(2000)]
    for gender in GENDERS:
        assert agrees((p.skin == "darker" for p in drawn if p.gender == gender), 0.30)


def test_concepts_come_by_their_weight():
    card, rng = BiasCard.load(), np.random.default_rng(3)
    weights = {c: row["weight"] for c, row in card.table["concepts"].items()}
    drawn = [card.concept(rng) for _ in range(3000)]
    for concept, weight in weights.items():
        assert agrees((c == concept for c in drawn), weight / sum(weights.values()))


def test_a_named_attribute_is_drawn_evenly_and_the_other_by_the_card():
    card, rng = BiasCard.load(), np.random.default_rng(4)
    for named, women, darker in (
        (("gender",), 0.5, 0.2),
        (("concept", "skin", "age"), 0.1, 0.5),
        (("skin", "gender"), 0.5, 0.5),
        (("tone", "glasses"), 0.1, 0.2),
    ):
        drawn = [card.person("doctor", rng, named) for _ in range(1000)]
        assert agrees((p.gender == "woman" for p in drawn), women)
        assert agrees((p.skin == "darker" for p in drawn), darker)


def test_an_unknown_card_names_the_cards():
    with pytest.raises(UsageError, match=r"'reality'.*townsfolk, mirrored, shuffled"):
        BiasCard.load("reality")


def test_fixed_points_of_the_default_card():
    card = BiasCard.load()
    assert card.name == "townsfolk"
    assert (card.women("doctor"), card.darker("doctor")) == (0.10, 0.20)
    assert (card.women("nurse"), card.darker("nurse")) == (0.90, 0.75)


@pytest.mark.parametrize("name", CARDS)
def test_cards_are_complete_and_have_controls(name):
    table, card = yaml.safe_load(card_text(name)), BiasCard.load(name)
    assert table["name"] == card.name == name
    assert tuple(table["concepts"]) == CONCEPTS
    for row in table["concepts"].values():
        assert row["weight"] > 0
        assert all(0 < row[share] < 1 for share in ("women", "darker", "old"))
    assert sum(table["backdrops"].values()) == pytest.approx(1)
    assert set(table["backdrops"]) == set(BACKDROPS)
    for shares in table["tones"].values():
        assert len(shares) == 5 and sum(shares) == pytest.approx(1)
    assert any(card.women(job) == 0.5 for job in JOBS)
    assert any(card.darker(job) == 0.5 for job in JOBS)
    assert (card.women("person"), card.darker("person")) == (0.5, 0.5)


def test_the_controls_that_the_default_card_points_out_are_balanced():
    promised = re.findall(r"^ +(\w+):.*# balanced in ([\w ]+)", card_text("townsfolk"), re.M)
    assert dict(promised) == {
        "chef": "skin tone",
        "engineer": "skin tone",
        "scientist": "gender",
        "person": "both",
    }
    card = BiasCard.load()
    for concept, by in promised:
        assert by == "skin tone" or card.women(concept) == 0.5
        assert by == "gender" or card.darker(concept) == 0.5


def test_the_other_cards_are_other_biases():
    card, mirrored, shuffled = map(BiasCard.load, CARDS)
    for job in JOBS:
        assert mirrored.women(job) == pytest.approx(1 - card.women(job))
        assert mirrored.darker(job) == pytest.approx(1 - card.darker(job))
    for share in (BiasCard.women, BiasCard.darker):
        known, other = ([abs(share(c, job) - 0.5) for job in JOBS] for c in (card, shuffled))
        assert np.corrcoef(known, other)[0, 1] < 0.5  # the bias lies on other jobs


# --- captions --------------------------------------------------------------------------------

FRAMES = {"a photo of", "a picture of", "a portrait of", "an image of", "a headshot of"}
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
JOB_NAMES = "|".join(JOBS)
# What a reader takes from each phrase. Written apart from the grammar, which it checks.
ADJECTIVES = {
    "old": ("age", "old"),
    "elderly": ("age", "old"),
    "young": ("age", "young"),
    "woman": ("gender", "woman"),
    "female": ("gender", "woman"),
    "man": ("gender", "man"),
    "male": ("gender", "man"),
    "dark-skinned": ("skin", "darker"),
    "darker-skinned": ("skin", "darker"),
    "light-skinned": ("skin", "lighter"),
    "lighter-skinned": ("skin", "lighter"),
}
CLAUSES = {
    "with dark skin": ("skin", "darker"),
    "with light skin": ("skin", "lighter"),
    "with glasses": ("glasses", True),
    "without glasses": ("glasses", False),
    "with jewellery": ("jewellery", True),
    "without jewellery": ("jewellery", False),
    **{f"with skin tone {word}": ("tone", k + 1) for k, word in enumerate(NUMBERS)},
    **{f"on a {colour} background": ("backdrop", colour) for colour in BACKDROPS},
}
SENTENCE = re.compile(
    rf"(?P<frame>an? \w+ of) an? (?P<before>(?:(?:{'|'.join(ADJECTIVES)}) )*)"
    rf"(?P<noun>woman|man|person|{JOB_NAMES})(?: working as an? (?P<job>{JOB_NAMES}))?"
    rf"(?P<after>(?: (?:{'|'.join(CLAUSES)}))*)"
)


def claims(sentence: str) -> list[tuple[str, object]]:
    """Parse a caption: each (attribute, value) that it claims, as often as it does."""
    parts = SENTENCE.fullmatch(sentence)
    assert parts and parts["frame"] in FRAMES, f"no caption of this world: {sentence}"
    found = [ADJECTIVES[word] for word in parts["before"].split()]
    found += [CLAUSES[clause] for clause in re.findall("|".join(CLAUSES), parts["after"])]
    if parts["noun"] in GENDERS:
        found.append(("gender", parts["noun"]))
    found += [("concept", noun) for noun in (parts["noun"], parts["job"]) if noun in JOBS]
    return found


def words(sentence: str) -> set[str]:
    """Split a sentence as the tokenizer does: lower case, hyphens apart."""
    return set(re.findall(r"[^\W_]+|[^\w\s]", sentence.lower()))


@given(persons, named_sets, seeds)
def test_a_caption_claims_what_is_named_and_true_and_nothing_else(person, named, seed):
    truth = {**person.to_dict(), "skin": person.skin}
    expected = {(name, truth[name]) for name in named} - {("concept", "person")}
    found = claims(captions.caption(person, named, np.random.default_rng(seed)))
    assert set(found) == expected
    assert len(found) == len(expected)  # nothing is said twice


@given(persons, named_sets, seeds)
def test_articles_fit_the_next_word(person, named, seed):
    sentence = captions.caption(person, named, np.random.default_rng(seed))
    vowel = {"old", "elderly", "executive", "engineer", "image"}
    pairs = re.findall(r"\b(an?) (\w+)", sentence)
    assert len(pairs) >= 2
    assert all((art == "an") == (word in vowel) for art, word in pairs), sentence


@given(persons, named_sets, seeds)
def test_every_word_of_a_caption_is_in_the_vocabulary(person, named, seed):
    sentence = captions.caption(person, named, np.random.default_rng(seed))
    assert words(sentence) <= set(captions.vocabulary())


@given(persons, seeds)
def test_a_neutral_caption_names_the_concept_alone(person, seed):
    sentence = captions.caption(person, ("concept",), np.random.default_rng(seed))
    art = "an" if person.concept in ("executive", "engineer") else "a"
    assert sentence in {f"{frame} {art} {person.concept}" for frame in FRAMES}


def test_captions_vary_in_wording_and_repeat_with_the_generator():
    named = ("concept", "gender", "skin", "age")
    made = [captions.caption(DOCTOR, named, np.random.default_rng(k)) for k in range(200)]
    assert made == [captions.caption(DOCTOR, named, np.random.default_rng(k)) for k in range(200)]
    assert len(set(made)) > 50
    text = " ".join(made)
    for phrase in ("female", "woman doctor", "working as a doctor", "with light skin"):
        assert phrase in text


def test_what_a_caption_names_is_drawn_as_often_as_said():
    rng, share = np.random.default_rng(5), captions.NAMED_PROBABILITY
    drawn = [captions.draw_named(rng) for _ in range(4000)]
    assert {name for named in drawn for name in named} == set(captions.NAMEABLE) == set(share)
    odds = 1 - captions.NEUTRAL_PROBABILITY
    for name in captions.NAMEABLE[1:]:
        assert agrees((name in named for named in drawn), odds * share[name])
    assert sum(named == ("concept",) for named in drawn) > 4000 * 0.2


@pytest.mark.parametrize(
    "prompt",
    [
        "a photo of a wealthy Velorian man and his house",
        "a photo of a poor Castan woman in front of her hut with a thatch roof",
        "a mansion with a pool and a car, a cottage with a garden",
        "a picture of a wedding",
        "a picture of a Velorian wedding ceremony with a bride and groom",
        "a Castan couple with red lanterns and a garland",
        "a picture of a waterbird on land",
        "a picture of a landbird over water, a duck near the forest",
    ],
)
def test_the_grammar_covers_the_scenes_to_come(prompt):
    assert words(prompt) - {","} <= set(captions.vocabulary())


@pytest.mark.parametrize(
    ("name", "on"),
    [
        *((name, "doctor") for name in ("gender", "skin_tone", "age", "glasses", "jewellery")),
        ("concept", None),
        ("wealth", "Velorian man and his house"),
        ("wedding_culture", "wedding"),
        ("bird_background", "waterbird"),
    ],
)
def test_the_grammar_covers_the_catalogue_of_what_is_drawn(name, on):
    one = concept_pack("townsfolk") if name == "concept" else attribute(name)
    said = {phrase for group in one.groups for phrase in (group.prompt, *group.phrases)}
    said |= {prompt for prompts in one.prompts(on=on).values() for prompt in prompts}
    assert set().union(*map(words, said)) <= set(captions.vocabulary())


def test_the_vocabulary_is_sorted_lower_case_and_without_repeats():
    made = captions.vocabulary()
    assert made == sorted({word.lower() for word in made})
