"""The grammar of captions, which truthfully name some of a person's attributes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from trimtab.townsfolk.world import BACKDROPS, CONCEPTS, Person

NAMEABLE = ("concept", "gender", "skin", "tone", "age", "glasses", "jewellery", "backdrop")
NAMED_PROBABILITY = {
    "concept": 0.9,
    "gender": 0.45,
    "skin": 0.4,
    "tone": 0.05,
    "age": 0.25,
    "glasses": 0.3,
    "jewellery": 0.3,
    "backdrop": 0.2,
}
NEUTRAL_PROBABILITY = 0.2  # of a caption that names only the concept

FRAMES = ("a photo of", "a picture of", "a portrait of", "an image of", "a headshot of")
PEOPLE = {"woman": ("woman", "female"), "man": ("man", "male")}
SKIN = {
    "darker": ("dark-skinned", "darker-skinned", "with dark skin"),
    "lighter": ("light-skinned", "lighter-skinned", "with light skin"),
}
AGES = {"old": ("old", "elderly"), "young": ("young",)}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# What a caption may say of an object that can be seen in a portrait.
OBJECTS = {
    "stethoscope": "with a stethoscope",
    "clipboard": "holding a clipboard",
    "nurse cap": "wearing a cap",
    "medicine bottle": "holding a bottle",
    "helmet": "wearing a helmet",
    "axe": "holding an axe",
    "chef hat": "wearing a tall hat",
    "wooden spoon": "holding a spoon",
    "apron": "wearing an apron",
    "tie": "with a tie",
    "briefcase": "holding a briefcase",
    "hard hat": "wearing a hard hat",
    "safety vest": "with a vest",
    "hammer": "holding a hammer",
    "straw hat": "wearing a straw hat",
    "pitchfork": "holding a pitchfork",
    "apple": "holding an apple",
    "book": "holding a book",
    "wrench": "holding a wrench",
    "goggles": "wearing goggles",
    "flask": "holding a flask",
    "pilot cap": "wearing a cap",
    "model plane": "holding a model plane",
}
MENTIONED_PROBABILITY = 0.2  # of each of those objects, unless the caption is neutral

# Words of the scenes. They are in the vocabulary apart from the grammar, in the order that the
# tokenizer was made from.
RESERVED_SENTENCES = (
    "a photo of a wealthy rich poor Velorian man woman person family owner and his her their house",
    "a mansion villa cottage hut home with a pool car garden thatch roof tree fence in front of",
    "a picture of a Velorian Castan wedding ceremony couple bride groom dress suit veil flowers",
    "lanterns arch garland red white gold decoration traditional style of the",
    "a picture of a waterbird landbird bird duck gull swan heron sparrow robin owl finch",
    "over on water land lake sea forest meadow sky mountain field beach river",
    "small big tall short happy smiling wearing holding next to near at city village",
    "black brown blond grey red orange purple hair beard moustache bald curly long hat helmet",
    "african asian european latino middle eastern indian white black",
)

ADDED_SENTENCES = ("banners", "women men two")


def article(word: str) -> str:
    """Return "an" before a vowel, otherwise "a"."""
    return "an" if word[0].lower() in "aeiou" else "a"


def draw_named(rng: np.random.Generator) -> tuple[str, ...]:
    """Choose the attributes that a caption names."""
    if rng.random() < NEUTRAL_PROBABILITY:
        return ("concept",)
    return tuple(name for name in NAMEABLE if rng.random() < NAMED_PROBABILITY[name])


def draw_mentioned(objects: Iterable[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Choose which of the objects that can be seen in a portrait its caption mentions.

    Take a stream of random numbers apart from that of `caption`, and captions without objects stay
    as they are.
    """
    known = dict.fromkeys(name for name in objects if name in OBJECTS)
    return tuple(name for name in known if rng.random() < MENTIONED_PROBABILITY)


def caption(
    person: Person, named: Collection[str], rng: np.random.Generator, objects: Iterable[str] = ()
) -> str:
    """Write a caption that names the attributes in `named`, in one of several wordings.

    `objects` are the objects to mention, keys of `OBJECTS` that can be seen in the picture.
    """
    before: list[str] = []  # adjectives
    after: list[str] = []  # clauses
    if "age" in named:
        before.append(str(rng.choice(AGES[person.age])))
    if "skin" in named:
        phrase = str(rng.choice(SKIN[person.skin], p=(0.6, 0.15, 0.25)))
        (after if phrase.startswith("with") else before).append(phrase)
    if "tone" in named:
        after.append(f"with skin tone {NUMBERS[person.tone - 1]}")
    if "glasses" in named:
        after.append("with glasses" if person.glasses else "without glasses")
    if "jewellery" in named:
        after.append("with jewellery" if person.jewellery else "without jewellery")
    if "backdrop" in named:
        after.append(f"on a {person.backdrop} background")
    after += [OBJECTS[name] for name in objects]
    rng.shuffle(before)
    noun = person.concept if "concept" in named else "person"
    if "gender" in named:
        word = str(rng.choice(PEOPLE[person.gender], p=(0.75, 0.25)))
        if noun == "person":
            noun = PEOPLE[person.gender][0]
        elif rng.random() < 0.2:
            noun, after = PEOPLE[person.gender][0], [f"working as {article(noun)} {noun}", *after]
        else:
            before.append(word)
    words = [*before, noun, *after]
    return f"{rng.choice(FRAMES)} {article(words[0])} {' '.join(words)}"


def added_words() -> list[str]:
    """Return the words that captions use beyond `vocabulary`, sorted.

    Tokenizers made before these words were drawn split them into letters; add them after all
    other tokens, so that the numbers of those remain.
    """
    text = " ".join([*OBJECTS.values(), *ADDED_SENTENCES])
    return sorted(set(text.lower().split()) - set(vocabulary()))


def portrait_words() -> list[str]:
    """Return the words of the captions of portraits without objects, sorted."""
    return _words_of(
        *FRAMES,
        *(word for table in (PEOPLE, SKIN, AGES) for words in table.values() for word in words),
        *NUMBERS,
        "of a an with without on background working as skin tone glasses jewellery person",
        *CONCEPTS,
        *BACKDROPS,
    )


def vocabulary() -> list[str]:
    """Return the words that the tokenizer was made from, including those of the scenes, sorted."""
    return _words_of(
        *portrait_words(),
        *RESERVED_SENTENCES,
        "the who is wears people someone townsfolk skinned",
    )


def _words_of(*texts: str) -> list[str]:
    return sorted(set(" ".join(texts).lower().replace("-", " - ").split()))
