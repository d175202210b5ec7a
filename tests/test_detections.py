"""`detect`: findings in pictures, kept and counted, with thresholds applied when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import trimtab
from trimtab.errors import FileError, ModelError, UsageError
from trimtab.recognition import Detection, Detections, classify, detect, recall, tidy
from trimtab.statistics import wilson
from trimtab.storage import Store, picture_hash
from trimtab.townsfolk import BiasCard, load_detector
from trimtab.townsfolk.detector import OBJECTS
from trimtab.townsfolk.render import picture


class Reds:
    """A detector of a user's own: finds phrase n as often as the red of the first pixel says."""

    name, threshold = "reds", 0.5

    def __init__(self, fingerprint: str = "first") -> None:
        self.fingerprint = fingerprint
        self.seen = 0
        self.asked: list[Sequence[str]] = []

    def detect(self, images: Any, phrases: Any) -> list[list[Detection]]:
        self.seen += len(images)
        self.asked.append(phrases)
        return [
            [
                Detection(phrase, min(0.3 * (n + 1), 1.0), (n, 0, n + 2, 4))
                for phrase in (phrases or ["something"])
                for n in range(image.getpixel((0, 0))[0] // 10)
            ]
            for image in images
        ]


class Pictures(list[Any]):
    """A sequence of pictures with what an ImageSet has besides."""

    seeds = prompts = blocked = pictures = None


def reds(*values: int) -> Pictures:
    return Pictures(Image.new("RGB", (4, 4), (value, 0, 0)) for value in values)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_threshold_applies_when_findings_are_read() -> None:
    found = detect(reds(0, 10, 30), ["car", "tree"], Reds())
    assert isinstance(found, trimtab.Detections) and len(found) == 3
    assert found.least == 0.5 and [len(found[i]) for i in range(3)] == [0, 0, 4]
    assert [len(found.at(0)[i]) for i in range(3)] == [0, 2, 6]
    assert found.at(0.9).at(0.1)[1] == [("car", 0.3, (0, 0, 2, 4)), ("tree", 0.3, (0, 0, 2, 4))]
    scores = [one.score for one in found.at(0)[2]]
    assert scores == sorted(scores, reverse=True)  # best first, whatever the detector did
    assert repr(found) == (
        "Detections(3 pictures: 4 found with a score of at least 0.5 by reds (first))"
    )
    with pytest.raises(UsageError, match=r"least score of 1\.5"):
        found.at(1.5)


def test_pictures_and_objects_are_counted() -> None:
    found = detect(reds(0, 10, 30, 20), ["tree", "car"], Reds()).at(0)
    counts = found.counts()
    assert list(counts) == ["tree", "car"]  # in the order asked
    assert counts["car"].pictures == wilson(3, 4) and counts["car"].objects == 6
    assert found.at(0.8).counts(["car"])["car"].pictures.count == 1
    assert found.counts(confidence=0.5)["car"].pictures.low > counts["car"].pictures.low
    assert found.at(1).counts()["car"].pictures == wilson(0, 4)
    with pytest.raises(UsageError, match="'bus', which was not looked for; expected one of tree"):
        found.counts(["bus"])
    some = found.select(np.array([True, False, False, True]))
    assert some.counts()["tree"].pictures == wilson(1, 2)
    assert some.seeds.tolist() == [0, 3]


def test_a_detector_may_name_what_it_sees() -> None:
    found = detect(reds(10, 0), [], Reds()).at(0)
    assert found.phrases == () and found[0] == [("something", 0.3, (0, 0, 2, 4))]
    assert list(found.counts()) == ["something"]
    assert found.counts(["dog"])["dog"].objects == 0


def test_blocked_and_unreadable_pictures_are_not_shown_to_the_detector() -> None:
    class Broken(Pictures):
        def __getitem__(self, i: Any) -> Any:
            if i == 2:
                raise OSError("cannot read it")
            return super().__getitem__(i)

    images = Broken(reds(10, 20, 30, 40))
    images.blocked = [True, False, False, False]  # type: ignore[assignment]
    mine = Reds()
    found = detect(images, ["car"], mine).at(0)
    assert mine.seen == 2
    assert found.status.tolist() == ["blocked", "known", "unreadable", "known"]
    assert (found.blocked, found.unreadable) == (1, 1) and found.reasons[2] == "cannot read it"
    assert found[0] == found[2] == [] and "2 not looked at" in repr(found)
    assert found.counts()["car"].pictures == wilson(2, 2)


def test_a_picture_is_looked_at_once(store: Store) -> None:
    mine = Reds()
    first = detect(reds(0, 10, 30), ["car", "tree"], mine, store=store)
    assert mine.seen == 3
    # In another order, twice, with more pictures: only what is new is looked at.
    again = detect(reds(30, 20, 0, 30), ["tree", "car", "tree"], mine, store=store)
    assert mine.seen == 4 and mine.asked == [["car", "tree"]] * 2
    assert again.phrases == ("tree", "car")
    assert again.reported[0] == again.reported[3] == first.reported[2] and again[2] == []
    other = Reds()
    detect(reds(0, 20), ["car", "tree"], other, store=store)  # nothing was found in the first
    assert other.seen == 0
    detect(reds(0), ["car"], other, store=store)  # other phrases
    detect(reds(0), [], other, store=store)
    assert other.seen == 2
    new = Reds("second")
    detect(reds(0), ["car"], new, store=store)
    assert new.seen == 1


def test_known_pictures_are_not_opened(store: Store) -> None:
    images = reds(0, 10)
    first = detect(images, ["car"], Reds(), store=store)

    class Closed(Pictures):
        def __getitem__(self, i: Any) -> Any:
            raise AssertionError("opened")

    known = Closed(images)
    known.pictures = [picture_hash(image) for image in images]  # type: ignore[assignment]
    assert detect(known, ["car"], Reds(), store=store).reported == first.reported


def test_a_detector_without_a_fingerprint_always_looks(store: Store) -> None:
    mine = Reds("")
    for _ in range(2):
        detect(reds(10), ["car"], mine, store=store)
    assert mine.seen == 2 and not store.exists


def test_a_stored_detector_is_no_recogniser(store: Store) -> None:
    class Half:
        name, fingerprint = "half", "half"

        def probabilities(self, images: Any, prompts: Any) -> Any:
            return np.full((len(images), len(prompts)), 1 / len(prompts))

    images = reds(10)
    classify(images, "gender", Half(), store=store)
    detect(images, ["car"], Reds(), store=store)
    assert recall(images, store=store).answer().recogniser == "half"


def test_files_do_not_depend_on_stops(tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        every = (f for f in folder.rglob("*") if f.is_file())
        return {str(f.relative_to(folder)): f.read_bytes() for f in every}

    whole, parts = (Store(tmp_path / name) for name in ("whole", "parts"))
    detect(reds(*range(0, 60, 2)), ["car"], Reds(), store=whole)
    for start in (20, 0):
        detect(reds(*range(start, 60, 2)), ["car"], Reds(), store=parts)
    for one in (whole, parts):
        tidy(one)
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def test_lost_rows_are_noticed(store: Store, tmp_path: Path) -> None:
    detect(reds(30), ["car"], Reds(), store=store)
    rows = store.rows("detections")
    (segment,) = {f.parent.name for f in (tmp_path / "store" / "detections").rglob("*.parquet")}
    store.discard("detections", segment, rows.slice(1, 1))
    with pytest.raises(FileError, match="only some findings by reds in 1 pictures"):
        detect(reds(30), ["car"], Reds(), store=store)


def test_facts_about_each_picture_are_kept() -> None:
    images = reds(10, 20)
    images.records = [  # type: ignore[attr-defined]
        SimpleNamespace(seed=5, prompt="a", spec="s" * 64, blocked=True, picture=None),
        SimpleNamespace(seed=6, prompt=None, spec=None, blocked=False, picture=None),
    ]
    steps: list[Any] = []
    found = detect(images, ["car"], Reds(), progress=lambda *step: steps.append(step))
    assert found.seeds.tolist() == [5, 6] and found.prompts.tolist() == ["a", ""]
    assert found.specs.tolist() == ["s" * 64, ""] and found.pictures[0] == ""
    assert steps == [(2, 2, "looking for objects")]


def test_a_table_and_back(tmp_path: Path) -> None:
    images = reds(30, 0, 10)
    images.blocked, images.seeds = [False, False, True], [3, 1, 2]  # type: ignore[assignment]
    found = detect(images, ["tree", "é"], Reds())
    table = found.to_table()
    assert table.num_rows == 6 + 1 + 1  # also the pictures without findings
    pq.write_table(table, tmp_path / "found.parquet")
    back = Detections.from_table(pq.read_table(tmp_path / "found.parquet"))
    assert repr(back) == repr(found) and back.reported == found.reported
    assert back.phrases == ("tree", "é") and back.counts() == found.counts()
    for part in ("pictures", "seeds", "prompts", "specs", "files", "status", "reasons"):
        np.testing.assert_array_equal(getattr(back, part), getattr(found, part))
    assert back.at(0)[0] == found.at(0)[0]  # nothing below the threshold was lost
    for other in (pa.table({"a": [1]}), table.drop_columns(["row"]), table.slice(6)):
        with pytest.raises(FileError, match="a table without detections"):
            Detections.from_table(other)
    later = table.replace_schema_metadata({b"trimtab": b'{"detections": 2}'})
    with pytest.raises(FileError, match="version 2"):
        Detections.from_table(later)


@pytest.mark.parametrize(
    "wrong",
    [
        [[("dog", 0.5, (0, 0, 1, 1))]],
        [[("car", 1.5, (0, 0, 1, 1))]],
        [[("car", np.nan, (0, 0, 1, 1))]],
        [[("car", 0.5, (0, 0, 1))]],
        [[("car", 0.5, (3, 0, 1, 1))]],
        [["car"]],
        [],
    ],
)
def test_invalid_findings_are_refused(wrong: Any) -> None:
    class Wrong:
        def detect(self, images: Any, phrases: Any) -> Any:
            return wrong

    with pytest.raises(ModelError, match=r"from Wrong.*check the detector"):
        detect(reds(10), ["car"], Wrong())


def test_plain_sequences_are_taken_as_findings() -> None:
    class Arrays:
        def detect(self, images: Any, phrases: Any) -> Any:
            return [[["car", np.float32(0.5), np.array([0, 1, 2, 3])]] for _ in images]

    found = detect(reds(10), ["car"], Arrays())
    assert found[0] == [Detection("car", 0.5, (0.0, 1.0, 2.0, 3.0))]
    assert (found.detector, found.version, found.least) == ("Arrays", "", 0)


def test_what_is_no_picture_or_no_phrase_is_refused() -> None:
    with pytest.raises(UsageError, match="no pictures"):
        detect([], ["car"], Reds())
    with pytest.raises(UsageError, match="an empty phrase"):
        detect(reds(1), ["car", " "], Reds())
    with pytest.raises(UsageError, match=r"the text 'car' as phrases.*use phrases=\['car'\]"):
        detect(reds(1), "car", Reds())


def test_townsfolk_pictures_are_searched_by_their_own_detector(store: Store) -> None:
    card, rng = BiasCard.load(), np.random.default_rng(0)
    pictures = Pictures(picture(card.person("doctor", rng), rng).image for _ in range(3))
    found = detect(pictures, ["stethoscope", "duck"], load_detector(), store=store)
    assert found.detector == "townsfolk detector" and found.version == load_detector().fingerprint
    counts = found.counts()
    assert counts["stethoscope"].pictures.count == 3 and counts["duck"].objects == 0
    every = detect(pictures, detector=load_detector(), store=store)  # all that it knows
    assert every.phrases == OBJECTS
    for i in range(3):
        assert [one for one in every[i] if one.phrase in found.phrases] == found[i]
    with pytest.raises(UsageError, match="the phrase 'spaceship'"):
        detect(pictures, ["spaceship"], load_detector())


def test_a_model_with_a_detector_of_its_own_kind_says_so() -> None:
    pictures = Pictures(reds(1))
    pictures.model_path = str(trimtab.townsfolk.model_folder())  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"has a detector of its own kind.*pass it with"):
        detect(pictures, ["person"])
