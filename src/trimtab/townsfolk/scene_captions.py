"""The grammar of captions for scenes: homes, weddings and birds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from trimtab.townsfolk import captions
from trimtab.townsfolk.captions import AGES, SKIN, article
from trimtab.townsfolk.world import Bird, Home, Person, Subject, Wedding

FRAMES = ("a photo of", "a picture of", "an image of")
# How often a caption that is not neutral names each attribute of its scene.
NAMED_PROBABILITY: dict[str, dict[str, float]] = {
    "portrait": captions.NAMED_PROBABILITY,
    "home": {
        "gender": 0.6,
        "skin": 0.2,
        "age": 0.15,
        "wealth": 0.5,
        "country": 0.4,
        "house": 0.35,
        "thatch": 0.2,
        "extras": 0.4,
    },
    "wedding": {"style": 0.5, "couple": 0.4, "skin": 0.2, "decorations": 0.4},
    "bird": {"group": 0.8, "kind": 0.35, "place": 0.4, "backdrop": 0.35},
}
NEUTRAL = {"portrait": ("concept",), "home": ("gender",), "wedding": (), "bird": ("group",)}
WEALTH = {"rich": ("wealthy", "rich"), "poor": ("poor",)}
OWNED = {"woman": "her", "man": "his"}
DECORATED = {
    "arch": "an arch",
    "garland": "a garland",
    "flowers": "flowers",
    "lanterns": "lanterns",
    "banners": "banners",
}
BACKDROPS = {
    "lake": ("over a lake", "on a lake"),
    "sea": ("over the sea", "on the sea"),
    "forest": ("in a forest", "in the forest"),
    "meadow": ("in a meadow", "in the meadow"),
}


def draw_named(scene: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Choose the attributes that the caption of a scene names; `scene` is one of `SCENES`."""
    if scene == "portrait":
        return captions.draw_named(rng)
    if rng.random() < captions.NEUTRAL_PROBABILITY:
        return NEUTRAL[scene]
    share = NAMED_PROBABILITY[scene]
    return tuple(name for name in share if rng.random() < share[name])


def describe(
    subject: Subject,
    named: Collection[str],
    rng: np.random.Generator,
    objects: Sequence[str] = (),
) -> str:
    """Write a caption for any picture, in one of several wordings.

    Parameters
    ----------
    subject : Person, Home, Wedding or Bird
        What the picture shows.
    named : collection of str
        The attributes to name, from `NAMED_PROBABILITY`.
    rng : numpy.random.Generator
        Chooses the wording.
    objects : sequence of str
        Objects to mention in the caption of a portrait, as for `captions.caption`.

    Returns
    -------
    str
        A sentence, every word of which is true of the picture.
    """
    match subject:
        case Person():
            return captions.caption(subject, named, rng, objects)
        case Home():
            text = _home(subject, named, rng)
        case Wedding():
            text = _wedding(subject, named, rng)
        case Bird():
            text = _bird(subject, named, rng)
    return f"{rng.choice(FRAMES)} {text}"


def _one(words: Sequence[str], rng: np.random.Generator, first: float = 0.6) -> str:
    """Choose a wording, the first of them with the given share."""
    if len(words) == 1 or rng.random() < first:
        return words[0]
    return words[1 + int(rng.integers(len(words) - 1))]


def _listed(words: Sequence[str]) -> str:
    """Return words as in "a pool, a car and a tree", without the commas."""
    return " and ".join(words)


def _home(home: Home, named: Collection[str], rng: np.random.Generator) -> str:
    owner = home.owner
    wealth = _one(WEALTH[home.wealth], rng) if "wealth" in named else ""
    country = home.country if "country" in named else ""
    house = home.house if "house" in named else _one(("house", "home"), rng, 0.85)
    extras = [article(name) + " " + name for name in home.extras] if "extras" in named else []
    if len(extras) > 2:
        extras = [extras[k] for k in sorted(rng.choice(len(extras), 2, replace=False))]
    if "thatch" in named and home.thatch:
        extras.insert(0, "a thatch roof")
    beside = ["with", _listed(extras)] if extras else []
    if not {"gender", "skin", "age"} & set(named) and not wealth and rng.random() < 0.5:
        words = [word for word in (country, house) if word]
        return " ".join([article(words[0]), *words, *beside])
    skin = _one(SKIN[owner.skin][:2], rng, 0.8) if "skin" in named else ""
    age = _one(AGES[owner.age], rng) if "age" in named else ""
    noun, their = "person", "their"
    if "gender" in named:
        noun, their = owner.gender, OWNED[owner.gender]
    words = [word for word in (age, wealth, country, skin, noun) if word]
    link = _one(("and", "in front of", "with"), rng)
    if link == "with" and beside:  # "with her house with a pool" is no English
        link = "in front of"
    return " ".join([article(words[0]), *words, link, their, house, *beside])


def _wedding(wedding: Wedding, named: Collection[str], rng: np.random.Generator) -> str:
    style, after = [], []
    if "style" in named:
        velorian = wedding.style == "Velorian"
        word = "Velorian" if velorian else _one(("Castan", "white"), rng)
        if word != "white" and rng.random() < 0.2:
            after.append(f"in {word} style")
        else:
            style.append(word)
            style = ["traditional", *style] if rng.random() < 0.12 else style
    noun = [*style, *_one(("wedding", "wedding ceremony"), rng, 0.8).split()]
    if "decorations" in named and wedding.decorations:
        after.append("with " + _listed([DECORATED[name] for name in wedding.decorations]))
    event = " ".join([article(noun[0]), *noun, *after])
    genders = {one.gender for one in wedding.couple}
    skins = {one.skin for one in wedding.couple}
    skin = _one(SKIN[skins.pop()][:2], rng, 0.8) if "skin" in named and len(skins) == 1 else ""
    if "couple" in named and len(genders) == 2 and not skin:
        return _one((f"a bride and groom at {event}", f"a woman and a man at {event}"), rng)
    if "couple" in named and len(genders) == 1:
        plural = "women" if genders == {"woman"} else "men"
        return " ".join(word for word in ("two", skin, plural, "at", event) if word)
    if "couple" in named or skin:
        return " ".join(word for word in ("a", skin, "couple at", event) if word)
    return event


def _bird(bird: Bird, named: Collection[str], rng: np.random.Generator) -> str:
    noun = bird.kind if "kind" in named else bird.group if "group" in named else "bird"
    where = []
    if "backdrop" in named:
        where.append(_one(BACKDROPS[bird.backdrop], rng))
    elif "place" in named:
        where.append(_one((f"over {bird.place}", f"on {bird.place}"), rng))
    return " ".join([article(noun), noun, *where])
