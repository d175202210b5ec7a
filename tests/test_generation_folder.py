"""Pictures on disk: whole, recorded, resumable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trimtab.errors import FileError
from trimtab.generation import ImageSet, generate
from trimtab.generation.png import read_record, write_png
from trimtab.interventions import Direction
from trimtab.pipelines import model_name

PROMPT = "a photo of a doctor"
FAST = {"num_inference_steps": 3, "batch_size": 2}
D = Direction.random((4, 8, 8), 1)


def arrays(images: ImageSet) -> np.ndarray:
    """All pictures as one array."""
    return np.stack([np.asarray(image) for image in images])


def interrupt(done: int, total: int, what: str) -> None:
    """Behave like Ctrl-C after the second batch."""
    if done == 4:
        raise KeyboardInterrupt


def test_a_folder_holds_the_same_pictures_and_records(pipe: Any, tmp_path: Path) -> None:
    memory = generate(pipe, PROMPT, range(3), 2 * D, **FAST)
    written = generate(pipe, PROMPT, range(3), 2 * D, to=tmp_path / "run", **FAST)
    read = ImageSet.from_folder(tmp_path / "run")
    saved = memory.save(tmp_path / "saved")
    for images in (written, read, saved):
        assert images.records == memory.records
        assert images.settings == memory.settings
        assert np.array_equal(arrays(images), arrays(memory))


@pytest.mark.parametrize("part", [slice(1, 3), slice(None, None, -2)])
def test_a_saved_slice_says_how_to_make_it_again(pipe: Any, tmp_path: Path, part: slice) -> None:
    strengths = [0.0, 1.0, 2.0, 3.0]
    whole = generate(pipe, PROMPT, range(4), strengths * D - D, **FAST)
    saved = whole[part].save(tmp_path)
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    again = generate(pipe, PROMPT, range(4)[part], strengths[part] * D - D, to=tmp_path, **FAST)
    assert again.records == saved.records == whole.records[part]
    assert again.settings == whole[part].settings
    assert whole.settings["seeds"] == [0, 1, 2, 3]


def test_a_picture_carries_its_own_record(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPT, [3, 4], [0, 2] * D, to=tmp_path, **FAST)
    with Image.open(tmp_path / "images" / "00004.png") as image:
        record = json.loads(image.text["trimtab"])
    steering = (2 * D).to_dict()
    assert record["settings"]["num_inference_steps"] == 3
    assert record["settings"]["model"] == model_name(pipe)
    own = {"seed": 4, "prompt": PROMPT, "steering": steering, "blocked": False}
    assert own.items() <= record.items()


def test_an_interrupted_run_goes_on_where_it_stopped(pipe: Any, tmp_path: Path) -> None:
    whole = generate(pipe, PROMPT, range(5), D, to=tmp_path / "whole", **FAST)
    with pytest.raises(KeyboardInterrupt):
        generate(pipe, PROMPT, range(5), D, to=tmp_path / "broken", progress=interrupt, **FAST)
    with pytest.raises(FileError, match=r"4 pictures; expected 5 .* seed 4"):
        ImageSet.from_folder(tmp_path / "broken")
    (tmp_path / "broken" / "images" / "00003.png").unlink()  # as if stopped within the batch
    kept = tmp_path / "broken" / "images" / "00002.png"
    before = kept.stat().st_mtime_ns
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    resumed = generate(pipe, PROMPT, range(5), D, to=tmp_path / "broken", **FAST)
    assert len(calls) == 2 * 3  # two batches, three steps
    assert kept.stat().st_mtime_ns == before
    assert resumed.records == whole.records
    for file in (tmp_path / "whole" / "images").iterdir():
        assert file.read_bytes() == (tmp_path / "broken" / "images" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"steer": 2 * D}, r"steering\.terms\[0\]\.strength 1\.0; .* 2\.0;"),
        ({"steer": None}, r"steering\.terms 1\.0 random 1; expected steering\.terms none;"),
        ({"prompt": "a photo of a nurse"}, 'prompt "a photo of a doctor"'),
        ({"seeds": range(3)}, "2 seeds from 0; expected 3 seeds from 0;"),
        ({"num_inference_steps": 4}, "num_inference_steps 3"),
    ],
)
def test_a_folder_of_other_settings_is_refused(
    pipe: Any, tmp_path: Path, other: dict[str, Any], named: str
) -> None:
    call = {"prompt": PROMPT, "seeds": range(2), "steer": D, "to": tmp_path} | FAST
    generate(pipe, **call)
    with pytest.raises(FileError, match=f"made with {named}"):
        generate(pipe, **call | other)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_an_interrupted_run_goes_on_with_another_batch_size(
    pipe: Any, tmp_path: Path, size: int
) -> None:
    whole = generate(pipe, PROMPT, range(6), D, **FAST)
    with pytest.raises(KeyboardInterrupt):
        generate(pipe, PROMPT, range(6), D, to=tmp_path, progress=interrupt, **FAST)
    kept = {file: file.read_bytes() for file in (tmp_path / "images").iterdir()}
    assert len(kept) == 4
    other = FAST | {"batch_size": size}
    for resumed in (
        generate(pipe, PROMPT, range(6), D, to=tmp_path, **other),
        generate(pipe, PROMPT, range(6), D, to=tmp_path, **FAST),
        ImageSet.from_folder(tmp_path),
    ):
        assert resumed.records == whole.records
        assert resumed.settings == whole.settings  # with the batch size that it was begun with
        difference = np.abs(arrays(resumed).astype(int) - arrays(whole))
        assert difference.max() <= 1  # rounding
    assert {file: file.read_bytes() for file in kept} == kept


@pytest.mark.parametrize("damage", ["truncate", "text", "foreign", "other record"])
def test_a_damaged_picture_is_refused(pipe: Any, tmp_path: Path, damage: str) -> None:
    generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    file = tmp_path / "images" / "00001.png"
    data = file.read_bytes()
    if damage == "foreign":
        Image.new("RGB", (64, 64)).save(file)
    elif damage == "other record":
        file.write_bytes((tmp_path / "images" / "00000.png").read_bytes())
    else:
        file.write_bytes(data[: len(data) // 2] if damage == "truncate" else b"hello")
    with pytest.raises(FileError, match=r"00001\.png"):
        ImageSet.from_folder(tmp_path)
    with pytest.raises(FileError, match=r"00001\.png"):
        generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    file.unlink()
    assert len(generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)) == 2


def test_a_folder_with_other_things_is_left_alone(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileError, match="something else"):
            generate(pipe, PROMPT, range(2), to=path, **FAST)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "change",
    [{"steering": None}, {"steering": 3}, {"blocked": "no"}, {"seed": "1"}],
)
def test_a_record_with_wrong_entries_is_refused(
    pipe: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    file = tmp_path / "images" / "00001.png"
    record = read_record(file)
    record = {key: value for key, value in (record | change).items() if value is not None}
    write_png(file, Image.new("RGB", (64, 64)), record)
    with pytest.raises(FileError, match=r"00001\.png of another run"):
        ImageSet.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (3, r"settings \{…\}"),
        ({}, "with seeds null; expected seeds of kind list"),
        ({"seeds": 5}, "with seeds 5"),
        ({"seeds": ["0"]}, "seeds of kind list"),
        ({"seeds": [True]}, "seeds of kind list"),
        ({"seeds": [0], "steering": 4}, "steering of kind dict"),
        ({"seeds": [0], "steering": {"terms": [4]}}, "steering of kind dict"),
    ],
)
def test_a_run_file_with_wrong_entries_is_refused(tmp_path: Path, settings: Any, says: str) -> None:
    run = {"format": "trimtab-run", "version": 1, "settings": settings}
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(FileError, match=says) as caught:
        ImageSet.from_folder(tmp_path)
    assert str(tmp_path / "run.json") in caught.value.got


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}'])
def test_a_foreign_run_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(FileError, match=r"run\.json"):
        ImageSet.from_folder(tmp_path)


def test_pictures_made_elsewhere(tmp_path: Path) -> None:
    for name, colour in (("b.jpg", 200), ("a.png", 100), ("C.JPEG", 50)):
        Image.new("L", (8, 8), colour).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    images = ImageSet.from_folder(tmp_path)
    assert images.seeds == (0, 1, 2)
    assert (images.prompt, images.model, images.model_path) == (None, None, None)
    assert [image.getpixel((0, 0))[0] for image in images] == [50, 100, 200]
    assert all(image.mode == "RGB" for image in images)
    again = images.save(tmp_path / "copy")
    assert np.array_equal(arrays(again), arrays(images))


def test_a_broken_picture_made_elsewhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"hello")
    images = ImageSet.from_folder(tmp_path)
    with pytest.raises(FileError, match=r"a\.png"):
        images[0]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileError, match="without pictures"):
            ImageSet.from_folder(path)
