"""Folders of pictures made elsewhere: what is read, what is said of the rest, how two compare."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import done, trimtab
from trimtab import compare_images, townsfolk
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, LeftOutWarning, generate
from trimtab.metrics import AuditFrame
from trimtab.recognition import Observations, classify, preservation
from trimtab.report import write_report
from trimtab.storage import Store
from trimtab.workflows import AuditResult, audit_images

OWN = townsfolk.model_folder() / "recogniser"
PROMPT = "a photo of a teacher"


def test_files_without_a_seed_are_not_paired_by_their_numbers(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for i in range(2):
            noise(i).save(tmp_path / name / f"{i}.png")
    folders = [ImageSet.from_folder(tmp_path / name) for name in ("one", "other")]
    with pytest.raises(UsageError, match="pictures of files that carry no seed"):
        preservation(*folders, OWN)


def noise(seed: int) -> Image.Image:
    """A picture with pixels of its own."""
    values = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder as phones, macOS and Android leave it: four pictures, two of them unreadable."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(2):
        noise(i).save(folder / f"IMG_{i}.JPG", "JPEG")
        (folder / f"._IMG_{i}.JPG").write_bytes(b"\0\5\x16\7" + bytes(100))
    noise(9).save(folder / ".trashed-17-IMG_9.jpg")
    (folder / ".thumbnails").mkdir()
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "torn.png").write_bytes(b"hello")
    (folder / os.fsdecode(b"empty\xff\n.tif")).write_bytes(b"")
    (folder / "clear.webp").write_bytes(b"")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(folder / "clear.webp", lossless=True)
    (folder / "film.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "notes.txt").write_text("not a picture")
    (folder / "album.png").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    return folder


def test_a_folder_holds_its_visible_pictures(photos: Path) -> None:
    with pytest.warns(LeftOutWarning, match=r"1 \.heic.*pip install pillow-heif"):
        images = ImageSet.from_folder(photos)
    names = [record.file for record in images.records]
    assert names == ["IMG_0.JPG", "IMG_1.JPG", "clear.webp", r"empty\xff\n.tif", "torn.png"]
    assert images.left_out == {".heic": 1, ".txt": 1, "folder": 1, "special file": 1}
    assert "left out: 1 .heic" in repr(images)


@pytest.mark.filterwarnings("ignore::trimtab.generation.LeftOutWarning")
def test_an_audit_says_what_became_of_every_file(photos: Path, tmp_path: Path) -> None:
    result = audit_images(photos, "gender", recogniser=OWN, to=tmp_path / "store")
    assert result.views[0].concept_kept is None  # nothing was asked about a concept
    assert [one.status for one in result.sources] == ["read"] * 2 + ["blocked"] + ["unreadable"] * 2
    assert result.n == 3
    (figures,) = result.views[0].figures
    assert (figures.n, figures.missed) == (3, 2)
    assert figures.unknown.count + sum(one.count for one in figures.shares.values()) == 3
    told = str(result)
    for said in ("2 .jpg", "1 .heic", "1 folder", "pillow-heif", "torn.png: ", r"empty\xff\n.tif: "
                 "the file is empty", "2 of 5"):  # fmt: skip
        assert said in told
    page = write_report(result).read_text()
    assert "torn.png" in page and "IMG_0.JPG" in page and "the file is empty" in page
    again = AuditResult.load(Store(tmp_path / "store"))
    assert again.sources == result.sources and again.left_out == result.left_out
    moved = photos.rename(tmp_path / "elsewhere")
    assert write_report(again).read_text().count("data:image/webp") == 2
    copied = again.save(tmp_path / "copy")
    assert len(Store(tmp_path / "copy").names("thumbnails")) == len(copied.files()) == 3
    saved = ImageSet.from_folder(moved.rename(photos))
    kept = saved.save(tmp_path / "set")
    assert [record.file for record in kept.records] == [record.file for record in saved.records]
    assert kept.blocked == (False, False, True, True, True)


def test_the_command_line_says_it_too(photos: Path) -> None:
    words = ("audit", "--images", photos, "--recogniser", OWN)
    told = done(*words).out
    assert "torn.png: it is damaged" in told and "unreadable" in told and "1 .heic" in told
    facts = done(*words, "--json").json
    named = {one["name"]: one["status"] for one in facts["sources"]}
    assert named["torn.png"] == "unreadable" and facts["left_out"][".heic"] == 1
    assert facts["views"][0]["figures"][0]["missed"] == 2


def test_only_a_folder_without_any_readable_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(FileError, match=r"none of 1 pictures can be read \(a\.png: "):
        audit_images(tmp_path, recogniser=OWN)
    noise(0).save(tmp_path / "b.png")
    assert audit_images(tmp_path, recogniser=OWN).n == 1


def test_observations_remember_what_was_read(photos: Path) -> None:
    with pytest.warns(LeftOutWarning):
        seen = classify(ImageSet.from_folder(photos), "gender", OWN)
    again = Observations.from_table(seen.to_table())
    for name in ("files", "numbered", "reasons"):
        assert np.array_equal(getattr(again, name), getattr(seen, name))
    assert seen.labels().missed.tolist() == [False, False, False, True, True]
    older = seen.to_table().drop_columns(["file", "numbered", "reason"])
    assert Observations.from_table(older).labels().blocked.sum() == 3
    assert AuditFrame(seen).missed == 2


# Two folders


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of the same seeds by trimtab, under names in another order."""
    root, pipe = tmp_path_factory.mktemp("made"), townsfolk.load()
    for folder, words in (("plain", PROMPT), ("other", f"{PROMPT} with a hat")):
        store = root / f"{folder}-store"
        generate(pipe, words, range(4), to=store, num_inference_steps=2, batch_size=4)
        (root / folder).mkdir()
        for i, file in enumerate(sorted(store.glob("images/*/*/*/*.png"))):
            name = i if folder == "plain" else 9 - i
            (root / folder / f"{name}.png").write_bytes(file.read_bytes())
    return root


def test_pictures_are_paired_by_their_own_seeds(made: Path) -> None:
    plain, other = (ImageSet.from_folder(made / name) for name in ("plain", "other"))
    assert plain.seeds == (0, 1, 2, 3) and other.seeds == (3, 2, 1, 0)
    assert set(plain.prompts) == {PROMPT} and not any(one.numbered for one in plain.records)
    result = compare_images(made / "plain", made / "other", recogniser=OWN)
    (found,) = result.comparisons
    assert (found.n, found.unpaired, found.paired_by) == (4, 0, "seed")
    first, second = (classify(images, "gender", OWN).labels() for images in (plain, other))
    changed = (first.codes[::-1] == 0).mean() - (second.codes == 0).mean()
    assert found.rows[0].difference == pytest.approx(-changed)


@pytest.mark.parametrize("attribute", ["gender", "race"])
def test_pictures_without_seeds_are_not_paired(attribute: str, tmp_path: Path) -> None:
    for k, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        for i in range(3 + k):
            noise(10 * k + i).save(tmp_path / folder / f"{i:04d}.png")
    names = (tmp_path / "a", tmp_path / "b")
    first, second = (classify(ImageSet.from_folder(one), attribute, OWN) for one in names)
    found = AuditFrame(first).compare(AuditFrame(second))
    assert (found.paired_by, found.sizes, found.n) == ("nothing", (3, 4), 7)
    assert "3 pictures and 4 others, not paired" in str(found)
    assert all(row.low <= row.difference <= row.high and 0 <= row.p <= 1 for row in found.rows)
    told = done("compare", *names, "-a", attribute, "--recogniser", OWN).out
    assert "not paired" in told and "--paired" in told
    paired = done("compare", *names, "-a", attribute, "--paired", "--recogniser", OWN, "--json")
    (row,) = paired.json["comparisons"]
    assert (row["n"], row["unpaired"], row["paired_by"]) == (3, 1, "file")
    with pytest.raises(UsageError, match="seeds are unknown"):
        AuditFrame(first).compare(AuditFrame(second), by="seed")


@pytest.mark.parametrize("change", ["other seeds", "a copy"])
def test_pictures_whose_seeds_make_no_pairs_are_compared_as_a_whole(
    made: Path, tmp_path: Path, change: str
) -> None:
    for folder in ("plain", "other"):
        (tmp_path / folder).mkdir()
    files = sorted((made / "plain").iterdir())
    for i, file in enumerate(files):
        folder = "plain" if change == "a copy" or i < 2 else "other"
        (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    for name in ("copy.png",) if change == "a copy" else ():
        (tmp_path / "plain" / name).write_bytes(files[0].read_bytes())
        (tmp_path / "other" / name).write_bytes(files[0].read_bytes())
    (tmp_path / "other" / "film.mp4").write_bytes(b"x")
    result = compare_images(tmp_path / "plain", tmp_path / "other", recogniser=OWN)
    assert result.comparisons[0].paired_by == "nothing"
    assert "Not paired" in str(result) and "1 .mp4" in str(result)


def test_a_picture_that_cannot_be_read_has_no_pair(made: Path, tmp_path: Path) -> None:
    for folder in ("plain", "other"):
        (tmp_path / folder).mkdir()
        for file in (made / folder).iterdir():
            (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    torn = tmp_path / "other" / "9.png"
    torn.write_bytes(torn.read_bytes()[:-300])  # the record is still there
    result = compare_images(tmp_path / "plain", tmp_path / "other", recogniser=OWN)
    assert (result.comparisons[0].n, result.comparisons[0].unpaired) == (3, 1)
    assert "9.png" in str(result)


# Options without effect


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("audit", "--images", "x", "--n", 2, "--model", "no/such"), ("--model", "--n")),
        (("audit", "--images", "x", "--seed", 7), ("--seed",)),
        (("audit", "--images", "x", "--height", 8, "--negative-prompt", "x"), ("--height",)),
        (("audit", "--images", "x", "--num-inference-steps", 3), ("--num-inference-steps",)),
        (("audit", "--images", "x", "--resample"), ("--resample",)),
        (("audit", PROMPT, "--resample"), ("no --steer", "--resample")),
        (("generate", PROMPT, "--resample"), ("no --steer", "--resample")),
        (("mitigate", PROMPT, "--precision", 0, "--budget", 9), ("--precision 0", "--budget")),
    ],
)
def test_options_without_effect_are_refused(words: tuple[Any, ...], named: tuple[str, ...]) -> None:
    result = trimtab(*words)
    assert result.code == 2 and not result.out
    assert all(name in result.err for name in named)
    assert len(result.err.splitlines()) == 1
