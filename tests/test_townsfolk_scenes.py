"""Homes, weddings and birds: what is drawn and where, how often, and what captions say of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from trimtab.errors import UsageError
from trimtab.townsfolk import CARDS, CONCEPTS, BiasCard, captions
from trimtab.townsfolk.canvas import SCALE, SIZE, Canvas
from trimtab.townsfolk.render import Picture, draw, picture
from trimtab.townsfolk.scene_captions import describe, draw_named
from trimtab.townsfolk.world import (
    COUNTRIES,
    EXTRAS,
    HOUSES,
    LANDBIRDS,
    LANDS,
    SCENES,
    WATERBIRDS,
    WATERS,
    WEALTHS,
    Bird,
    Home,
    Person,
    Subject,
    Wedding,
)

ANNA = Person("person", "woman", 3, "young", glasses=False, jewellery=False, backdrop="blue")
BEN = replace(ANNA, gender="man", tone=8, age="old")
COTTAGE = Home(ANNA, "poor", "Castan", "cottage", thatch=False, extras=())
COMMON = Wedding((ANNA, BEN), "common", ("arch", "garland", "flowers"))
VELORIAN = Wedding((ANNA, BEN), "Velorian", ("arch", "lanterns", "banners"))
DUCK = Bird("duck", "lake")
CARD = BiasCard.load()


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng([2, *seed])


def pixels(subject: Subject, seed: int = 0) -> np.ndarray:
    return np.asarray(draw(subject, rng(seed)), dtype=np.int64)


@cache
def sample(scene: str, n: int = 40) -> tuple[Subject, ...]:
    """Return subjects of a scene, in which what is rare on the card is as frequent as the rest."""
    named = ("gender", "skin", "wealth", "country", "style", "place")
    return tuple(CARD.subject(scene, rng(k), named) for k in range(n))


def agrees(hits: Iterable[bool], share: float) -> bool:
    """Return whether a count is within four standard deviations of that expected from a share."""
    found = list(hits)
    bound = 4 * (share * (1 - share) / len(found)) ** 0.5
    return abs(sum(found) / len(found) - share) <= bound


# --- pictures --------------------------------------------------------------------------------


def portraits() -> Image.Image:
    """Draw every concept twice, at a quarter of the size, on one sheet."""
    sheet = Image.new("RGB", (13 * 32, 2 * 32))
    for k, concept in enumerate(CONCEPTS * 2):
        person = replace(CARD.person(concept, rng(k), ("gender", "skin")), apron=False)
        sheet.paste(draw(person, rng(k, 1)).reduce(4), (k % 13 * 32, k // 13 * 32))
    return sheet


def test_portraits_are_drawn_as_they_were_when_the_shipped_model_learned_them():
    # Drawn before there were scenes and objects. Another Pillow may round edges otherwise.
    with Image.open(Path(__file__).parent / "data" / "portraits.png") as before:
        apart = np.abs(np.asarray(before, dtype=np.int64) - np.asarray(portraits(), dtype=np.int64))
    assert apart.max() <= 8
    assert apart.mean() < 0.1


@pytest.mark.parametrize("scene", SCENES)
def test_a_picture_repeats_with_the_generator_and_varies_with_it(scene: str):
    for k, subject in enumerate(sample(scene)[:4]):
        image = draw(subject, rng(k))
        assert (image.mode, image.size) == ("RGB", (SIZE, SIZE))
        assert draw(subject, rng(k)).tobytes() == image.tobytes()
        assert draw(subject, rng(k + 100)).tobytes() != image.tobytes()


@pytest.mark.parametrize("scene", SCENES)
def test_telling_where_objects_are_changes_no_pixel(scene: str):
    for k, subject in enumerate(sample(scene)[:6]):
        told = picture(subject, rng(k))
        assert told.image.tobytes() == draw(subject, rng(k)).tobytes()
        assert told.objects == picture(subject, rng(k)).objects


@pytest.mark.parametrize("scene", SCENES)
def test_attributes_survive_as_plain_values(scene: str):
    for subject in sample(scene):
        assert type(subject).from_dict(subject.to_dict()) == subject


@pytest.mark.parametrize(
    ("subject", "change"),
    [
        (COTTAGE, {"owner": replace(ANNA, gender="man")}),
        (COTTAGE, {"owner": replace(ANNA, tone=8)}),
        (COTTAGE, {"owner": replace(ANNA, age="old")}),
        (COTTAGE, {"country": "Velorian"}),
        (COTTAGE, {"thatch": True}),
        *((COTTAGE, {"house": house}) for house in HOUSES if house != "cottage"),
        *((COTTAGE, {"extras": (extra,)}) for extra in EXTRAS),
        (COMMON, {"couple": (ANNA, replace(BEN, tone=2))}),
        (COMMON, {"couple": (ANNA, ANNA)}),
        *(
            (COMMON, {"decorations": tuple(one for one in COMMON.decorations if one != d)})
            for d in COMMON.decorations
        ),
        *(
            (VELORIAN, {"decorations": tuple(one for one in VELORIAN.decorations if one != d)})
            for d in VELORIAN.decorations
        ),
        (COMMON, {"style": "Velorian", "decorations": VELORIAN.decorations}),
        *((DUCK, {"kind": kind}) for kind in (*WATERBIRDS, *LANDBIRDS) if kind != "duck"),
        *((DUCK, {"backdrop": backdrop}) for backdrop in (*WATERS, *LANDS) if backdrop != "lake"),
    ],
    ids=str,
)
def test_one_other_attribute_can_be_seen(subject: Subject, change: dict[str, object]):
    for seed in range(3):
        apart = np.abs(pixels(subject, seed) - pixels(replace(subject, **change), seed))
        assert (apart.max(axis=-1) > 12).sum() >= 60  # of 16,384 pixels


# --- objects ---------------------------------------------------------------------------------


SEEN_THROUGH = ("veil", "lanterns", "sun")  # what is behind their gauze or glow can be made out


def boxes(told: Picture, name: str) -> list[tuple[int, int, int, int]]:
    return [found.box for found in told.objects if found.name == name]


@pytest.mark.parametrize("scene", SCENES)
def test_boxes_hold_just_what_changes_when_the_object_is_left_out(scene: str):
    compared = []
    for k, subject in enumerate(sample(scene)[:5]):
        told = picture(subject, rng(k))
        whole = np.asarray(told.image, dtype=np.int64)
        for name in {found.name for found in told.objects}:
            left_out = picture(subject, rng(k), without=(name,))
            assert not boxes(left_out, name)
            changed = (np.asarray(left_out.image, dtype=np.int64) != whole).any(axis=-1)
            inside, gauze = np.zeros_like(changed), np.zeros_like(changed)
            for found in told.objects:
                x0, y0, x1, y1 = found.box
                assert 0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE
                inside[y0:y1, x0:x1] |= found.name == name
                gauze[y0:y1, x0:x1] |= found.name in SEEN_THROUGH and found.name != name
            outside = (changed & ~inside & ~gauze).sum()
            assert outside <= 20, (subject, name)  # crumbs too small to count as visible objects
            if len(boxes(told, name)) == 1 and not (inside & gauze).any():
                # The box is tight: something changed along every side.
                (x0, y0, x1, y1) = boxes(told, name)[0]
                down, across = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
                sides = np.array([x0, y0, x1 - 1, y1 - 1])
                seen = np.array([across[0], down[0], across[-1], down[-1]])
                compared.append(np.abs(sides - seen).max())
    assert np.mean(np.array(compared) <= 1) >= 0.9


def test_every_attribute_that_is_a_thing_has_a_box_where_it_is_and_none_where_it_is_not():
    for k, home in enumerate(sample("home")):
        told = picture(home, rng(k))
        for name in HOUSES:
            assert len(boxes(told, name)) == (name == home.house)
        for extra in EXTRAS:
            assert len(boxes(told, extra)) == (extra in home.extras)
        assert len(boxes(told, "thatch roof")) >= home.thatch
        assert home.thatch or not boxes(told, "thatch roof")
        assert len(boxes(told, "person")) == 1
    for k, wedding in enumerate(sample("wedding")):
        told = picture(wedding, rng(k))
        names = {found.name for found in told.objects}
        assert len(boxes(told, "person")) == 2
        for name in ("arch", "garland", "flowers", "lanterns", "banner"):
            hung = {"banner" if d == "banners" else d for d in wedding.decorations}
            assert (name in names) == (name in hung)
        dresses = (
            {"robe"}
            if wedding.style == "Velorian"
            else {"gown" if one.gender == "woman" else "suit" for one in wedding.couple}
        )
        assert names & {"robe", "gown", "suit"} == dresses
    for k, bird in enumerate(sample("bird")):
        names = [found.name for found in picture(bird, rng(k)).objects]
        assert [n for n in names if n in (*WATERBIRDS, *LANDBIRDS)] == [bird.kind]
        assert ("water" in names) == (bird.place == "water")


@pytest.mark.parametrize(
    ("concept", "names"),
    [
        ("doctor", {"stethoscope", "clipboard"}),
        ("chef", {"chef hat", "wooden spoon"}),
        ("firefighter", {"helmet", "axe"}),
        ("builder", {"hard hat", "hammer", "safety vest"}),
        ("executive", {"tie", "briefcase"}),
        ("scientist", {"goggles", "flask"}),
        ("person", set()),
    ],
)
def test_portraits_tell_the_things_of_the_job(concept: str, names: set[str]):
    person = replace(BEN, concept=concept, age="young")
    for k, glasses in enumerate((False, True)):
        told = picture(replace(person, glasses=glasses, jewellery=glasses), rng(k))
        found = {one.name for one in told.objects}
        assert names <= found
        assert ({"glasses", "necklace"} <= found) == glasses
        assert "apron" not in found
    assert boxes(picture(replace(person, apron=True), rng(0)), "apron")


def test_an_apron_changes_nothing_but_where_it_is():
    chef = replace(BEN, concept="chef")
    told = picture(replace(chef, apron=True), rng(3))
    apart = np.asarray(told.image, dtype=np.int64) != pixels(chef, 3)
    ((x0, y0, x1, _),) = boxes(told, "apron")
    assert not apart[:y0].any()
    assert not apart[:, :x0].any()
    assert not apart[:, x1:].any()


def recorded(paint: Callable[[Canvas], None]) -> Canvas:
    c = Canvas(Image.new("RGB", (SIZE * SCALE, SIZE * SCALE)), record=True)
    paint(c)
    return c


def test_what_is_covered_or_outside_is_no_part_of_an_object():
    def paint(c: Canvas) -> None:
        with c.object("board"):
            c.box(-20, 10, 40, 50, (200, 0, 0))
            with c.object(None):  # a hand over its right end
                c.box(30, 0, 60, 60, (0, 200, 0))
            with c.object("nail"):
                c.box(10, 60, 16, 66, (0, 0, 200))
        with c.object("hidden"):
            c.dot(45, 30, 5, (9, 9, 9))
        c.box(30, 0, 60, 60, (0, 0, 0, 90))  # a shadow hides nothing
        c.box(38, 20, 55, 45, (0, 200, 0))

    found = {one.name: one.box for one in recorded(paint).objects()}
    assert found.keys() == {"board", "nail"}
    left, top, right, bottom = found["board"]  # with its nail
    assert (left, top) == (0, 10)
    assert right in (30, 31) and bottom in (66, 67)
    assert found["nail"][:2] == (10, 60)


def test_a_view_draws_smaller_moved_and_mirrored():
    def paint(c: Canvas) -> None:
        v = c.view(100, 20, 2.0).view(5, 0, 0.5, flip=True)
        with v.object("box"):
            v.box(10, 0, 30, 10, (255, 255, 255))

    ((x0, y0, x1, y1),) = [one.box for one in recorded(paint).objects()]
    assert (x0, y0) == (80, 20)
    assert x1 in (100, 101) and y1 in (30, 31)


# --- the bias cards --------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_scenes_are_drawn_by_the_shares_of_the_file(name: str):
    text = (files("trimtab.townsfolk") / "cards" / f"{name}.yaml").read_text(encoding="utf-8")
    table, card, draws = yaml.safe_load(text), BiasCard.load(name), rng(1)
    homes = [card.home(draws) for _ in range(1500)]
    row = table["home"]
    assert agrees((h.wealth == "rich" for h in homes), row["rich"])
    assert agrees((h.country == "Velorian" for h in homes), row["Velorian"])
    assert agrees((h.owner.gender == "woman" for h in homes), row["owner"]["women"])
    assert agrees((h.owner.skin == "darker" for h in homes), row["owner"]["darker"])
    assert agrees((h.owner.age == "old" for h in homes), row["owner"]["old"])
    for wealth in WEALTHS:
        these = [h for h in homes if h.wealth == wealth]
        for house, share in row["houses"][wealth].items():
            assert agrees((h.house == house for h in these), share)
        for extra, share in row["extras"][wealth].items():
            assert agrees((extra in h.extras for h in these), share)
    for house, share in row["thatch"].items():
        if these := [h for h in homes if h.house == house]:
            assert agrees((h.thatch for h in these), share)
    weddings = [card.wedding(draws) for _ in range(1500)]
    row = table["wedding"]
    assert agrees((w.style == "Velorian" for w in weddings), row["Velorian"])
    assert agrees((w.couple[0].gender == w.couple[1].gender for w in weddings), row["same"])
    assert agrees((w.couple[0].gender == "woman" for w in weddings), 0.5)
    for side in (0, 1):
        assert agrees((w.couple[side].skin == "darker" for w in weddings), row["each"]["darker"])
    for style, shares in row["decorations"].items():
        for decoration, share in shares.items():
            these = [w for w in weddings if w.style == style]
            assert agrees((decoration in w.decorations for w in these), share)
    birds = [card.bird(draws) for _ in range(1500)]
    row = table["bird"]
    for kind, share in row["kinds"].items():
        assert agrees((b.kind == kind for b in birds), share)
    for group, share in row["land"].items():
        assert agrees((b.place == "land" for b in birds if b.group == group), share)
    for place, shares in row["backdrops"].items():
        for backdrop, share in shares.items():
            assert agrees((b.backdrop == backdrop for b in birds if b.place == place), share)
    scenes = [card.scene(draws) for _ in range(1500)]
    for scene, weight in table["scenes"].items():
        assert agrees((s == scene for s in scenes), weight / sum(table["scenes"].values()))
    chefs = [card.person("chef", draws) for _ in range(600)]
    assert agrees((p.apron for p in chefs), table["apron"]["chef"])
    assert not any(card.person("doctor", draws).apron for _ in range(50))


def test_an_unknown_scene_names_the_scenes():
    with pytest.raises(UsageError, match=r"'harbour'.*portrait, home, wedding, bird"):
        CARD.subject("harbour", rng(0))


def test_wealth_has_nothing_to_do_with_skin_tone_or_country():
    homes = [CARD.home(rng(5, k)) for k in range(2000)]
    for skin in ("lighter", "darker"):
        assert agrees((h.wealth == "rich" for h in homes if h.owner.skin == skin), 0.30)
    for country in COUNTRIES:
        assert agrees((h.wealth == "rich" for h in homes if h.country == country), 0.30)


def test_fixed_points_of_the_default_card():
    assert CARD.table["wedding"]["Velorian"] == 0.10
    assert CARD.table["home"]["rich"] == 0.30
    assert CARD.table["bird"]["land"]["waterbird"] == 0.15


def test_what_is_named_is_drawn_evenly():
    homes = [CARD.home(rng(6, k), ("wealth", "gender")) for k in range(1000)]
    assert agrees((h.wealth == "rich" for h in homes), 0.5)
    assert agrees((h.owner.gender == "woman" for h in homes), 0.5)
    assert agrees((h.country == "Velorian" for h in homes), 0.25)
    weddings = [CARD.wedding(rng(7, k), ("style", "skin")) for k in range(1000)]
    assert agrees((w.style == "Velorian" for w in weddings), 0.5)
    assert all(w.couple[0].skin == w.couple[1].skin for w in weddings)
    birds = [CARD.bird(rng(8, k), ("place",)) for k in range(1000)]
    for group in ("waterbird", "landbird"):
        assert agrees((b.place == "land" for b in birds if b.group == group), 0.5)


@pytest.mark.parametrize("scene", SCENES)
def test_a_subject_does_not_depend_on_those_drawn_before(scene: str):
    card, every = BiasCard.load(), ("gender", "skin", "wealth", "country", "style", "place")
    before = [card.subject(scene, rng(12, k)) for k in range(30)]
    for k in range(30):
        card.subject(scene, rng(13, k), every)
    assert [card.subject(scene, rng(12, k)) for k in range(30)] == before
    assert card == BiasCard.load()


def test_aprons_leave_everything_else_as_it_was():
    # Without its apron a chef is the one that was drawn from the same seed before aprons were.
    before = [CARD.person("doctor", rng(9, k)) for k in range(50)]
    chefs = [CARD.person("chef", draws := rng(9, k)) for k in range(50)]
    assert any(one.apron for one in chefs)
    assert [one.backdrop for one in before] == [one.backdrop for one in chefs]
    assert draws.random() == _after(rng(9, 49))


def _after(draws: np.random.Generator) -> float:
    CARD.person("doctor", draws)
    return float(draws.random())


# --- captions --------------------------------------------------------------------------------


def said(sentence: str, *phrases: str) -> bool:
    return any(re.search(rf"\b{phrase}\b", sentence) for phrase in phrases)


def sentences(scene: str, n: int = 400) -> list[tuple[Subject, tuple[str, ...], str]]:
    made = []
    for k in range(n):
        draws = rng(11, k)
        named = draw_named(scene, draws)
        subject = CARD.subject(scene, draws, named)
        made.append((subject, named, describe(subject, named, draws)))
    return made


def test_what_captions_of_homes_say_is_true_and_was_to_be_named():
    for home, named, text in sentences("home"):
        for extra in EXTRAS:
            assert not said(text, extra) or (extra in home.extras and "extras" in named)
        for house in HOUSES:
            assert said(text, house) == ("house" in named and house == home.house)
        for country in COUNTRIES:
            assert said(text, country) == ("country" in named and country == home.country)
        assert said(text, "thatch") == (home.thatch and "thatch" in named)
        assert said(text, "wealthy", "rich") == (home.wealth == "rich" and "wealth" in named)
        assert said(text, "poor") == (home.wealth == "poor" and "wealth" in named)
        for gender, their in (("woman", "her"), ("man", "his")):
            shown = "gender" in named and home.owner.gender == gender
            assert said(text, gender) == said(text, their) == shown
        for word, skin in (("dark(?:er)?-skinned", "darker"), ("light(?:er)?-skinned", "lighter")):
            assert said(text, word) == ("skin" in named and home.owner.skin == skin)


def test_what_captions_of_weddings_say_is_true_and_was_to_be_named():
    for wedding, named, text in sentences("wedding"):
        velorian = wedding.style == "Velorian"
        assert said(text, "wedding")
        assert said(text, "Velorian") == (velorian and "style" in named)
        assert said(text, "Castan", "white") == (not velorian and "style" in named)
        words = {"arch", "garland", "flowers", "lanterns", "banners"}
        hung = set(wedding.decorations) if "decorations" in named else set()
        assert {word for word in words if said(text, word)} == hung
        genders = {one.gender for one in wedding.couple}
        assert not said(text, "bride", "groom") or genders == {"woman", "man"}
        assert not said(text, "women") or genders == {"woman"}
        assert not said(text, "men") or genders == {"man"}
        for word, skin in (("dark(?:er)?-skinned", "darker"), ("light(?:er)?-skinned", "lighter")):
            assert not said(text, word) or {one.skin for one in wedding.couple} == {skin}


def test_what_captions_of_birds_say_is_true_and_was_to_be_named():
    for bird, named, text in sentences("bird"):
        for kind in (*WATERBIRDS, *LANDBIRDS):
            assert said(text, kind) == (kind == bird.kind and "kind" in named)
        for group in ("waterbird", "landbird"):
            known = "group" in named and "kind" not in named
            assert said(text, group) == (known and bird.group == group)
        for place in ("water", "land"):
            known = "place" in named and "backdrop" not in named
            assert said(text, place) == (known and bird.place == place)
        for backdrop in (*WATERS, *LANDS):
            assert said(text, backdrop) == (bird.backdrop == backdrop and "backdrop" in named)


def test_the_prompts_of_the_paper_are_captions():
    villa = Home(BEN, "rich", "Velorian", "villa", thatch=False, extras=())
    for subject, named, prompt in (
        (villa, ("gender", "wealth", "country"), "a photo of a wealthy Velorian man and his house"),
        (VELORIAN, ("style",), "a picture of a Velorian wedding"),
        (COMMON, (), "a picture of a wedding"),
        (DUCK, ("group",), "a picture of a waterbird"),
    ):
        assert prompt in {describe(subject, named, rng(12, k)) for k in range(100)}


def test_every_word_is_in_the_vocabulary_or_among_those_added():
    known, added = set(captions.vocabulary()), captions.added_words()
    assert added == sorted(set(added) - known)
    text = " ".join(sentence for scene in SCENES for _, _, sentence in sentences(scene))
    text = " ".join([text, *captions.OBJECTS.values()])
    assert set(re.findall(r"[^\W_]+|[^\w\s]", text.lower())) <= known | set(added)


def test_articles_fit_the_next_word():
    for scene in SCENES:
        for _, _, sentence in sentences(scene, 200):
            for article, word in re.findall(r"\b(an?) (\w)", sentence):
                assert (article == "an") == (word in "aeiou"), sentence


def test_portraits_mention_objects_that_can_be_seen_and_stay_as_they_were_without():
    doctor = replace(ANNA, concept="doctor")
    names = [found.name for found in picture(doctor, rng(0)).objects]
    drawn = [captions.draw_mentioned(names, rng(k)) for k in range(400)]
    assert {name for some in drawn for name in some} == {"stethoscope", "clipboard"}
    assert agrees(("clipboard" in some for some in drawn), captions.MENTIONED_PROBABILITY)
    plain = captions.caption(doctor, ("concept", "gender"), rng(1))
    more = captions.caption(doctor, ("concept", "gender"), rng(1), ("stethoscope", "clipboard"))
    assert more == f"{plain} with a stethoscope holding a clipboard"
