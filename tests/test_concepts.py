"""Attributes, prompts and packs, from the catalogue and custom ones."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.concepts import (
    Attribute,
    Concept,
    Group,
    attribute,
    attributes,
    concept_in,
    concept_pack,
    concept_packs,
    prompt_for,
)
from trimtab.errors import FileError, UsageError

WOMAN = Group("woman", "a photo of a woman", "woman", ("a photo of a woman",))
MAN = Group("man", "a photo of a man", "man", ("a photo of a man",))


def test_catalogue():
    assert attributes() == (
        "gender",
        "skin_tone",
        "monk_tone",
        "age",
        "race",
        "wealth",
        "wedding_style",
        "wedding_culture",
        "bird_background",
        "glasses",
        "jewellery",
    )
    assert attribute("gender").names == ("woman", "man")
    assert attribute("skin_tone").names == ("lighter", "darker")
    assert len(attribute("monk_tone").groups) == 10 and len(attribute("race").groups) == 7
    assert attribute("gender").title == "perceived gender"


@pytest.mark.parametrize("name", attributes())
def test_every_attribute_speaks_english(name):
    found = attribute(name)
    for on in (None, "doctor", ["engineer", "old chef", Concept("nurse")]):
        prompts = found.prompts(on=on)
        assert tuple(prompts) == found.names
        assert len({len(texts) for texts in prompts.values()}) == 1
        for text in (t for texts in prompts.values() for t in texts):
            assert not re.search(r"\ba [aeio]|\ban [^aeiouAEIOU]|[{}]|  ", text), text
    for group in found.groups:
        assert group.prompt in group.phrases
        for text in (group.prompt, *group.phrases):
            assert not re.search(r"\ba [aeio]|\ban [^aeiouAEIOU]|[{}]|  ", text), text
    every = [phrase for group in found.groups for phrase in group.phrases]
    assert len(set(every)) == len(every)  # no phrase stands for two groups


@pytest.mark.parametrize("name", ["skin tone", "Skin-Tone", " skin_tone ", "SKIN  TONE"])
def test_names_as_people_type_them(name):
    assert attribute(name) is attribute("skin_tone")


def test_prompts():
    skin = attribute("skin_tone")
    assert skin.prompts()["darker"] == ("a photo of a dark-skinned person",)
    assert skin.prompts(on="doctor")["darker"] == ("a photo of a dark-skinned doctor",)
    assert attribute("age").prompts(on=["nurse", "chef"]) == {
        "young": ("a photo of a young nurse", "a photo of a young chef"),
        "old": ("a photo of an old nurse", "a photo of an old chef"),
    }
    assert attribute("gender").prompts("engineer")["woman"] == ("a photo of a woman engineer",)
    assert attribute("glasses").prompts("engineer")["with"] == (
        "a photo of an engineer with glasses",
    )


@pytest.mark.parametrize(
    ("name", "on", "prompts"),
    [
        (
            "wealth",
            "a Velorian man and his house",
            {
                "wealthy": "a photo of a wealthy Velorian man and his house",
                "poor": "a photo of a poor Velorian man and his house",
            },
        ),
        (
            "wedding_culture",
            "wedding",
            {"Castan": "a photo of a Castan wedding", "Velorian": "a photo of a Velorian wedding"},
        ),
        (
            "bird_background",
            "the waterbird",
            {
                "water": "a photo of a waterbird over water",
                "land": "a photo of a waterbird over land",
            },
        ),
        ("gender", "an engineer", {"woman": "a photo of a woman engineer"}),
        ("glasses", "an old chef", {"with": "a photo of an old chef with glasses"}),
    ],
)
def test_prompts_read_as_english_whether_or_not_the_concept_has_an_article(name, on, prompts):
    found = attribute(name).prompts(on=on)
    assert {group: found[group] for group in prompts} == {g: (p,) for g, p in prompts.items()}


def test_a_neutral_prompt_has_one_article():
    for words in ("engineer", "an engineer", "the engineer"):
        assert prompt_for(words) == "a photo of an engineer"
    assert prompt_for("theatre") == "a photo of a theatre"


@pytest.mark.parametrize("on", [[], "", "  ", ["doctor", "Doctor"], ["doctor", ""]])
def test_prompts_refuse_no_concept(on):
    with pytest.raises(UsageError):
        attribute("gender").prompts(on=on)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("doctor", "a"),
        ("engineer", "an"),
        ("old man", "an"),
        ("university teacher", "a"),
        ("European", "a"),
        ("uniformed guard", "a"),
        ("unhappy man", "an"),
        ("uninsured driver", "an"),
        ("honest man", "an"),
        ("hotel clerk", "a"),
        ("one-eyed pirate", "a"),
        ("usher", "an"),
        ("umpire", "an"),
        ("Indian wedding", "an"),
        ("CEO", "a"),
    ],
)
def test_articles(words, said):
    assert prompt_for(words) == f"a photo of {said} {words}"


def test_groups_that_nothing_tells_apart_are_refused():
    cat = Group("cat", "a photo of an animal", "furry", ["a cat"])
    dog = Group("dog", "a photo of an animal", "loyal", ["a dog"])
    pets = Attribute("pets", [cat, dog])
    assert pets.prompts(on="vet")["dog"] == ("a photo of a loyal vet",)
    with pytest.raises(UsageError, match="'cat' and 'dog' of attribute 'pets' with equal prompts"):
        pets.prompts()
    with pytest.raises(UsageError, match="with equal prompts"):
        Attribute("pets", [cat, replace(dog, modifier="furry")]).prompts(on="vet")
    with pytest.raises(UsageError, match="with equal phrases"):
        Attribute("pets", [cat, replace(dog, phrases=["a cat"])])


def test_group_by_name():
    race = attribute("race")
    assert race.group("east-asian") is race.groups[3]
    with pytest.raises(UsageError, match=r"'Martian'.*White, Black, Indian"):
        race.group("Martian")


def test_unknown_names_say_what_there_is():
    with pytest.raises(UsageError, match=r"'genre'.*gender, skin_tone.*\.yaml"):
        attribute("genre")
    with pytest.raises(UsageError, match=r"'jobs'.*scenes, townsfolk, winobias"):
        concept_pack("jobs")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Attribute("gender", (WOMAN,)),
        lambda: Attribute("gender", ()),
        lambda: Attribute("gender", (WOMAN, WOMAN)),
        lambda: Attribute("gender", (WOMAN, Group("Woman ", "p", "m", ("p",)))),
        lambda: Attribute("gender", (WOMAN, Group("unknown", "p", "m", ("p",)))),
        lambda: Attribute(" ", (WOMAN, MAN)),
        lambda: Group("", "p", "m", ("p",)),
        lambda: Group("g", " ", "m", ("p",)),
        lambda: Group("g", "p", "m", ()),
        lambda: Group("g", "p", "m", "one string"),
        lambda: Group("g", "p", "m", ("p", "")),
        lambda: Group("g", "p", 7, ("p",)),
        lambda: Concept(" "),
        lambda: prompt_for(" "),
    ],
)
def test_values_refuse_nonsense(make):
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize("name", ["seed", "Blocked", " concept "])
def test_names_of_what_else_is_known_of_a_picture_are_refused(name, tmp_path):
    with pytest.raises(UsageError, match=rf"the attribute name '{name.strip().lower()}'; .*rename"):
        Attribute(name, (WOMAN, MAN))
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: {name}\ngroups: [{{name: a}}, {{name: b}}]\n")
    with pytest.raises(FileError, match=r"mine\.yaml.*rename the attribute"):
        attribute(path)


def test_values_are_frozen_and_comparable():
    one, other = Attribute("Gender", [WOMAN, MAN]), Attribute("gender", (WOMAN, MAN))
    assert one == other and hash(one) == hash(other) and one.name == "gender"
    with pytest.raises(AttributeError):
        one.name = "sex"


def test_ones_own_attribute(tmp_path):
    path = tmp_path / "hair.yaml"
    path.write_text(
        """
name: hair length
groups:
  - name: long
    modifier: long-haired
  - name: short
    modifier: "{concept} with short hair"
    phrases: [a photo of a person with short hair, a picture of somebody with short hair]
"""
    )
    for given_as in (path, str(path)):
        hair = attribute(given_as)
        assert hair.name == "hair_length" and hair.title == "hair length"
        assert hair.groups[0].phrases == ("a photo of a long-haired person",)
        assert hair.groups[1].prompt == "a photo of a person with short hair"
        assert len(hair.groups[1].phrases) == 2
        assert hair.prompts(on="actor")["short"] == ("a photo of an actor with short hair",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", r"line 1"),
        ("", "NoneType as an attribute"),
        ("- a\n- b\n", "list as an attribute"),
        ("name: x\n", "groups"),
        ("name: x\ngroups: []\n", "groups"),
        ("name: x\ngroups: [{name: a}]\n", "1 group"),
        ("name: x\ngroups: [{name: a}, {name: A}]\n", "'A'"),
        ("name: x\ngroups: [{name: a, phrases: []}, {name: b}]\n", "phrases"),
        ("name: x\ngroups: [{name: a, phrase: c}, {name: b}]\n", "'phrase'"),
        ("name: x\ngroups: [{name: yes}, {name: no}]\n", "True as the name"),
        ("groups: [{name: a}, {name: b}]\n", "name of an attribute"),
        ("name: x\n---\nname: y\n", "not one YAML document"),
        ("name: !!python/object/apply:os.getcwd []\n", "not one YAML document"),
        ("name: \xff\n", "cannot be read"),
    ],
)
def test_broken_files_name_the_file_and_the_fault(tmp_path, text, message):
    path = tmp_path / "broken.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FileError, match=message) as caught:
        attribute(path)
    assert "broken.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files():
    for read in (attribute, concept_pack):
        with pytest.raises(FileError, match=r"nowhere\.yaml"):
            read("nowhere.yaml")


def test_packs():
    assert concept_packs() == ("scenes", "townsfolk", "winobias")
    jobs = concept_pack("townsfolk")
    assert jobs.name == "concept" and len(jobs.names) == 12 and jobs.names[0] == "doctor"
    assert jobs.group("engineer").prompt == "a photo of an engineer"


# As in winobias_cfg.py of the code of SDisc, in small letters.
PROFESSIONS = """
analyst, assistant, attendant, baker, CEO, carpenter, cashier, cleaner, clerk, construction worker,
counselor, cook, designer, developer, doctor, driver, farmer, guard, hairdresser, housekeeper,
janitor, laborer, lawyer, librarian, manager, mechanic, nurse, physician, receptionist, salesperson,
secretary, sheriff, supervisor, tailor, teacher, writer
"""


def test_winobias_is_the_36_professions_of_the_studies():
    pack = concept_pack("WinoBias")
    assert len(pack.names) == 36
    assert set(pack.names) == {" ".join(name.split()) for name in PROFESSIONS.split(",")}
    templates = ("a photo of", "a picture of", "an image of", "a headshot of", "a portrait of")
    for name in pack.names:
        said = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        assert pack.group(name).phrases == tuple(f"{words} {said}" for words in templates)


def test_ones_own_pack(tmp_path):
    path = tmp_path / "animals.yml"
    path.write_text("concepts: [cat, {name: owl, phrases: [a photo of an owl at night]}]\n")
    pack = concept_pack(path)
    assert pack.names == ("cat", "owl")
    assert pack.groups[0].phrases == ("a photo of a cat",)
    assert pack.groups[1].phrases == ("a photo of an owl at night",)
    path.write_text("concepts: [cat, cat]\n")
    with pytest.raises(FileError, match="'cat'"):
        concept_pack(path)


@given(st.sampled_from(concept_pack("winobias").names))
def test_the_concept_of_its_own_prompt_is_found(name):
    assert concept_in(prompt_for(name), concept_pack("winobias").names) == name


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a portrait of an old chef with glasses", "chef"),
        ("two Nurses, at work", "nurse"),
        ("a construction  worker", "construction worker"),
        ("a cook and a nurse", "cook"),
        ("a cookie", None),
        ("a precook", None),
        ("a landscape", None),
        ("", None),
    ],
)
def test_concept_in(prompt, found):
    townsfolk, winobias = concept_pack("townsfolk"), concept_pack("winobias")
    assert (concept_in(prompt, winobias.names) or concept_in(prompt, townsfolk.names)) == found
