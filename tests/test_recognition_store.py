"""What was recognised is kept, asked for once, corrected by persons, and read without a model."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from trimtab.concepts import Attribute, attribute
from trimtab.errors import FileError, UsageError
from trimtab.metrics import AuditFrame
from trimtab.recognition import (
    Observations,
    classify,
    correct,
    embed,
    preservation,
    recall,
    tidy,
)
from trimtab.storage import Store, picture_hash


class FirstPixel:
    """A recogniser of a user's own: the red of the first pixel decides."""

    name = "first pixel"

    def __init__(self, fingerprint="first"):
        self.fingerprint = fingerprint
        self.seen = 0

    def probabilities(self, images, prompts):
        self.seen += len(images)
        p = np.array([image.getpixel((0, 0))[0] / 255 for image in images])
        return np.column_stack([p, *[(1 - p) / (len(prompts) - 1)] * (len(prompts) - 1)])

    def embed_images(self, images):
        self.seen += len(images)
        p = np.array([image.getpixel((0, 0))[0] / 255 for image in images], dtype=np.float32)
        return np.column_stack([p, np.sqrt(1 - p * p)])


class Pictures(list):
    """A sequence of pictures with what an ImageSet has besides."""

    seeds = prompts = blocked = pictures = None


def flat(*reds: int) -> Pictures:
    return Pictures(Image.new("RGB", (4, 4), (red, 0, 0)) for red in reds)


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_question_is_asked_once_of_each_picture(store):
    mine = FirstPixel()
    first = classify(flat(10, 200, 30), "gender", mine, store=store)
    assert mine.seen == 3
    more = classify(flat(200, 10, 30, 250), ["gender", "age"], mine, store=store)
    assert mine.seen == 3 + 1 + 4  # one new picture, and a new question about all four
    np.testing.assert_array_equal(
        more.labels("gender").probabilities[[1, 0, 2]], first.labels().probabilities
    )
    again = FirstPixel()
    classify(flat(200, 10, 30, 250), ["gender", "age"], again, store=store)
    assert again.seen == 0


def test_only_pictures_without_an_answer_are_opened(store):
    images = flat(10, 200)
    classify(images, "gender", FirstPixel(), store=store)

    class Hashed(Pictures):
        def __getitem__(self, i):
            raise AssertionError("opened")

    known = Hashed(images)
    known.pictures = [picture_hash(image) for image in images]
    found = classify(known, "gender", FirstPixel(), store=store)
    assert found.labels().names.tolist() == ["man", "woman"]


def test_what_an_image_set_knows_of_each_picture_is_taken(store):
    images = Pictures(flat(10, 200))
    images.records = [
        SimpleNamespace(seed=5, prompt="a", spec="s" * 64, blocked=True, picture=None),
        SimpleNamespace(seed=6, prompt=None, spec=None, blocked=False, picture="p" * 64),
    ]
    found = classify(images, "gender", FirstPixel(), store=store)
    assert found.seeds.tolist() == [5, 6] and found.prompts.tolist() == ["a", ""]
    assert found.specs.tolist() == ["s" * 64, ""] and found.pictures.tolist() == ["", "p" * 64]
    assert found.answer().status.tolist() == ["blocked", "known"]


def test_files_do_not_depend_on_stops_and_batches(tmp_path):
    whole, parts = (Store(tmp_path / name) for name in ("whole", "parts"))
    classify(flat(*range(0, 200, 2)), "race", FirstPixel(), store=whole)

    class Stops(FirstPixel):
        def probabilities(self, images, prompts):
            if self.seen:
                raise KeyboardInterrupt
            return super().probabilities(images, prompts)

    with pytest.raises(KeyboardInterrupt):
        classify(flat(*range(0, 200, 2)), "race", Stops(), store=parts)
    classify(flat(*range(100, 200, 2)), "race", FirstPixel(), store=parts)
    rest = FirstPixel()
    classify(flat(*range(0, 200, 2)), "race", rest, store=parts)
    assert rest.seen == 0  # 64 before it was stopped, 36 of the next 50 after that
    for one in (whole, parts):
        tidy(one)
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def test_another_question_of_the_same_name_is_another_question(store):
    mine = FirstPixel()
    classify(flat(200), "gender", mine, store=store)
    gender = attribute("gender")
    own = Attribute(
        "gender", tuple(replace(g, phrases=(f"other {g.name}",)) for g in gender.groups)
    )
    classify(flat(200), own, mine, store=store)
    assert mine.seen == 2
    with pytest.raises(FileError, match="2 questions about gender"):
        recall(flat(200), "gender", store=store)
    assert recall(flat(200), own, store=store).answer().question.phrases == (
        ("other woman",),
        ("other man",),
    )


def test_another_version_is_asked_again_and_never_mixed(store):
    first = classify(flat(200, 10), "gender", FirstPixel(), store=store)
    new = FirstPixel("second")
    second = classify(flat(200), "gender", new, store=store)
    assert new.seen == 1
    with pytest.raises(FileError, match=r"several versions of first pixel \("):
        recall(flat(200), "gender", store=store)
    assert len(recall(flat(200, 10), "gender", "first", store=store)) == 2
    with pytest.raises(FileError, match="in 1 of 2 pictures"):
        recall(flat(200, 10), "gender", "second", store=store)
    with pytest.raises(UsageError, match=r"first pixel \(second\)"):
        first.extend(second)
    with pytest.raises(UsageError, match="two versions of first pixel"):
        AuditFrame(first).compare(AuditFrame(second))
    with pytest.raises(FileError, match="without answers by clip"):
        recall(flat(200), "gender", "clip", store=store)


def test_a_recogniser_without_a_fingerprint_is_asked_every_time(store):
    mine = FirstPixel("")
    for _ in range(2):
        found = classify(flat(200), "gender", mine, store=store)
    assert mine.seen == 2 and not store.exists
    assert found.answer().version == "" and found.answer().recogniser == "first pixel"


def test_pictures_that_were_all_blocked_are_recalled_as_such(store):
    images = flat(1, 2)
    images.blocked = [True, True]
    classify(images, "gender", FirstPixel(), store=store)
    found = recall(images, store=store)
    assert found.attributes == ("gender",) and AuditFrame(found).unknown_share == 1


def test_what_a_later_version_wrote_is_refused(store):
    classify(flat(1), "gender", FirstPixel(), store=store)
    store.add_document("questions", {"format": "trimtab-question", "version": 2})
    with pytest.raises(FileError, match="of version 2"):
        recall(flat(1), store=store)
    store.add_document("recognisers", {"format": "trimtab-recogniser", "version": 2})
    with pytest.raises(FileError, match="of version 2"):
        recall(flat(1), store=store)


def test_a_person_corrects_one_picture_alone(store):
    images, gender = flat(200, 210, 10, 20), attribute("gender")
    before = classify(images, "gender", FirstPixel(), store=store)
    assert before.labels().names.tolist() == ["woman", "woman", "man", "man"]
    hashes = before.pictures
    correct(store, hashes[0], gender, "man", who="ada", when="2026-03-01")
    correct(store, hashes[2], gender, "unknown", who="ada", when="2026-03-01")
    correct(store, hashes[3], gender, "woman", who="ada", when="2026-03-01")
    correct(store, hashes[3], gender, "man", who="bob", when="2026-03-02")  # the last word
    for after in (
        classify(images, "gender", FirstPixel(), store=store),
        recall(images, "gender", store=store),
    ):
        assert after.labels().names.tolist() == ["man", "woman", "unknown", "man"]
        assert after.answer().corrected.tolist() == [True, False, True, True]
        assert after.answer().status.tolist() == ["known", "known", "unreadable", "known"]
    other = replace(
        gender, groups=tuple(replace(g, phrases=(f"x {g.name}",)) for g in gender.groups)
    )
    assert not classify(images, other, FirstPixel(), store=store).answer().corrected.any()
    with pytest.raises(UsageError, match="'person'"):
        correct(store, hashes[0], gender, "person", who="ada", when="2026")
    with pytest.raises(UsageError, match="64 characters"):
        correct(store, "doctor.png", gender, "man", who="ada", when="2026")


def test_figures_from_the_store_load_no_model(store, tmp_path):
    images = flat(200, 10, 30)
    images.seeds = [7, 8, 9]
    classify(images, ["gender", "skin_tone"], FirstPixel(), store=store)
    hashes = [picture_hash(image) for image in images]
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("torch", "transformers", "diffusers"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from trimtab.metrics import AuditFrame
from trimtab.recognition import recall
from trimtab.storage import Store
class Images(list):
    pictures, seeds, prompts = {hashes!r}, [7, 8, 9], ["a", "a", "b"]
found = recall(Images([None] * 3), store=Store({str(store.folder)!r}))
frame = AuditFrame(found)
crossed = frame.intersection("gender", "skin_tone")
print(crossed.shares["man × darker"].count, *frame.by_prompt)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "a", "b"]


def test_observations_as_a_long_table_and_back(tmp_path):
    images = flat(200, 10, 128)
    images.seeds, images.prompts = [3, 1, 2], ["é", "a", "a"]
    images.blocked = [False, True, False]
    found = classify(images, ["gender", "race"], FirstPixel())
    table = found.to_table()
    assert table.num_rows == 3 * (2 + 7)
    pq.write_table(table, tmp_path / "o.parquet")
    back = Observations.from_table(pq.read_table(tmp_path / "o.parquet"))
    assert back.attributes == found.attributes and repr(back) == repr(found)
    for name in found.attributes:
        mine, theirs = found.labels(name), back.labels(name)
        np.testing.assert_array_equal(mine.probabilities, theirs.probabilities)
        for part in ("seeds", "prompts", "blocked", "names"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(theirs, part))
        assert theirs.title == mine.title
        assert back.answer(name).question == found.answer(name).question
    with pytest.raises(FileError, match="without observations"):
        Observations.from_table(table.replace_schema_metadata(None))
    with pytest.raises(FileError, match="version 2"):
        meta = {b"trimtab": table.schema.metadata[b"trimtab"].replace(b'ion": 1,', b'ion": 2,', 1)}
        Observations.from_table(table.replace_schema_metadata(meta))


def test_join_extend_and_select():
    images = flat(200, 10, 30, 140)
    mine = FirstPixel()
    gender, age = (classify(images, name, mine) for name in ("gender", "age"))
    joined = gender.join(age)
    assert joined.attributes == ("gender", "age") and mine.seen == 8
    crossed = AuditFrame(joined).intersection("gender", "age")
    assert crossed.n == 4 and crossed.unknown.count == 1  # 140 of 255 is not sure enough
    with pytest.raises(UsageError, match="two observations of gender"):
        joined.join(gender)
    with pytest.raises(UsageError, match="other pictures"):
        gender.join(classify(flat(1, 2), "age", mine))
    part = gender.select([True, False, False, True])
    assert part.labels().seeds.tolist() == [0, 3]
    both = part.extend(gender.select([1]))
    assert both.labels(threshold=0.5).names.tolist() == ["woman", "woman", "man"]
    with pytest.raises(UsageError, match="observations of age"):
        gender.extend(age)
    with pytest.raises(UsageError, match="one of gender, age"):
        joined.labels()


def test_classify_refuses_attributes_that_are_none():
    for wanted in ([], ["gender", "gender"]):
        with pytest.raises(UsageError, match="each once"):
            classify(flat(1), wanted, FirstPixel())
    with pytest.raises(UsageError, match="at least one"):
        classify(flat(1), None, FirstPixel())


def test_embeddings_are_kept_like_answers(store):
    images = flat(200, 10, 30)
    images.blocked = [False, True, False]
    mine = FirstPixel()
    first = embed(images, mine, store=store)
    assert mine.seen == 2 and first.known.tolist() == [True, False, True]
    assert first.vectors.shape == (3, 2) and first.recogniser == "first pixel"
    again = embed(images, mine, store=store)
    assert mine.seen == 2
    np.testing.assert_array_equal(first.vectors, again.vectors)
    images.blocked = None
    kept = preservation(images, images, mine, store=store)
    assert mine.seen == 3 and np.isinf(kept.psnr).all()
    np.testing.assert_allclose(kept.cosine, 1, atol=1e-6)


def test_a_call_writes_only_what_is_new(store):
    """The work of many calls must grow with the pictures, not with their square."""
    mine = FirstPixel()
    classify(flat(1, 2), ["gender", "age"], mine, store=store)
    embed(flat(1, 2), mine, store=store)
    before = files(store.folder)
    classify(flat(1, 2, 3), ["gender", "age"], mine, store=store)
    embed(flat(1, 2, 3), mine, store=store)
    assert before.items() < files(store.folder).items()
    for name in files(store.folder).keys() - before.keys():
        assert set(pq.read_table(store.folder / name)["picture"].to_pylist()) == {
            picture_hash(flat(3)[0])
        }


def test_many_calls_leave_few_files_and_tidying_leaves_one(store, tmp_path):
    whole = Store(tmp_path / "whole")
    for red in range(80):
        classify(flat(red), "gender", FirstPixel(), store=store)
        embed(flat(red), FirstPixel(), store=store)
    classify(flat(*range(80)), "gender", FirstPixel(), store=whole)
    embed(flat(*range(80)), FirstPixel(), store=whole)
    for kind in ("observations", "embeddings"):
        assert len(list(store.folder.glob(f"{kind}/*/*"))) < 40
    again = FirstPixel()
    found = classify(flat(*range(80)), "gender", again, store=store)
    vectors = embed(flat(*range(80)), again, store=store).vectors
    assert again.seen == 0
    for one in (store, whole):
        tidy(one)
    assert files(store.folder) == files(tmp_path / "whole")
    kept = recall(flat(*range(80)), store=store)
    np.testing.assert_array_equal(kept.labels().probabilities, found.labels().probabilities)
    np.testing.assert_array_equal(embed(flat(*range(80)), again, store=store).vectors, vectors)


@pytest.mark.parametrize("known", [(), (5, 6)])
def test_pictures_that_were_all_blocked_have_no_embeddings(store, known):
    if known:
        embed(flat(*known), FirstPixel(), store=store)
    images = flat(1, 2)
    images.blocked = [True, True]
    for kept in (store, None):
        found = embed(images, FirstPixel(), store=kept)
        assert found.vectors.shape == (2, 2) and np.isnan(found.vectors).all()
        assert not found.known.any()
        assert len(preservation(images, flat(1, 2), FirstPixel(), store=kept)) == 0
