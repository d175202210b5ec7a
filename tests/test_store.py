"""Pictures in a store: the same bytes whatever was asked for, and wherever a run stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from picture_writer import PROMPTS, SETTINGS, STEER
from tiny import tiny_pipeline, tiny_xl_pipeline
from trimtab.errors import FileError, UsageError
from trimtab.generation import ImageSet, copy_pictures, generate, stored
from trimtab.interventions import AddedWords, Direction, Intervention
from trimtab.pipelines import model_name
from trimtab.storage import Store, picture_hash

WRITER = Path(__file__).with_name("picture_writer.py")
PROMPT = "a photo of a doctor"
FAST = {"num_inference_steps": 3, "batch_size": 2}
D = Direction.random((4, 8, 8), 1)


def arrays(images: ImageSet) -> np.ndarray:
    """All pictures as one array."""
    return np.stack([np.asarray(image) for image in images])


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones, too."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def pngs(folder: Path) -> list[Path]:
    """The pictures' files of a store, in order."""
    return sorted(folder.rglob("*.png"))


@pytest.fixture(params=["folder", "file://", "memory://"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store on each kind of filesystem."""
    path = tmp_path / "store"
    return str(path) if request.param == "folder" else f"{request.param}{path}"


def test_a_store_holds_the_same_pictures_and_records(pipe: Any, url: str) -> None:
    memory = generate(pipe, PROMPT, range(4), 2 * D, **FAST)
    written = generate(pipe, PROMPT, range(4), 2 * D, to=url, **FAST)
    read = ImageSet.from_store(url)
    saved = memory.save(url + "-saved")
    for images in (written, read, saved):
        assert images.records == memory.records
        assert images.documents == memory.documents
        assert images.settings == memory.settings
        assert images.directions == (D,)
        assert np.array_equal(arrays(images), arrays(memory))
        assert [record.picture for record in images.records] == list(map(picture_hash, images))
    (spec,) = memory.documents
    assert ImageSet.from_store(Store(url), spec, PROMPT, [3, 1]).seeds == (3, 1)
    assert ImageSet.from_store(url, memory.documents[spec]).records == memory.records


# The same bytes


def test_a_store_grows_without_a_trace(tmp_path: Path) -> None:
    pipe = tiny_xl_pipeline()  # whose pictures show by their last bits how many were made together
    options = {"num_inference_steps": 2, "batch_size": 4}
    generate(pipe, PROMPT, range(12), D, to=tmp_path / "once", **options)
    for seeds in ([9, 2], range(5), range(11), range(12)):
        images = generate(pipe, PROMPT, seeds, D, to=tmp_path / "grown", **options)
        assert images.seeds == tuple(seeds)
    assert tree(tmp_path / "grown") == tree(tmp_path / "once")


def test_pictures_depend_on_no_other_prompt_or_strength(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPTS, range(4), [0, 1, 2, 3] * D, to=tmp_path / "all", **FAST)
    for prompt in PROMPTS[::-1]:
        for seed in (3, 0, 2, 1):
            generate(pipe, prompt, [seed], seed * D, to=tmp_path / "one", **FAST)
    once, alone = tree(tmp_path / "all"), tree(tmp_path / "one")
    assert len(pngs(tmp_path / "all")) == 8
    images = {name: data for name, data in once.items() if name.startswith("images/")}
    assert images.items() <= alone.items()


def test_every_prompt_goes_with_every_seed(pipe: Any, tmp_path: Path) -> None:
    both = generate(pipe, PROMPTS, [5, 3], [1, 2] * D, to=tmp_path, **FAST)
    assert both.prompts == (PROMPTS[0], PROMPTS[0], PROMPTS[1], PROMPTS[1])
    assert both.seeds == (5, 3, 5, 3)
    strengths = [r.intervention["steering"]["terms"][0]["strength"] for r in both.records]
    assert strengths == [1, 2, 1, 2]
    assert len(both.documents) == 2
    for i, prompt in enumerate(PROMPTS):
        alone = generate(pipe, prompt, [5, 3], [1, 2] * D, **FAST)
        assert alone.records == both.records[2 * i : 2 * i + 2]
        assert np.array_equal(arrays(alone), arrays(both[2 * i : 2 * i + 2]))


def test_adjusted_prompts_are_another_spec(pipe: Any, tmp_path: Path) -> None:
    words = AddedWords({"a woman": 1, "a man": 1})
    plain = generate(pipe, PROMPT, range(4), to=tmp_path, **FAST)
    worded = generate(pipe, PROMPT, range(4), adjust=words, to=tmp_path, **FAST)
    assert worded.prompts == plain.prompts
    assert worded.records[0].intervention == Intervention(adjustment=words).to_dict()
    assert not np.array_equal(arrays(plain), arrays(worded))
    for seed in range(4):
        said = generate(pipe, words.drawn(PROMPT, seed), [seed], num_inference_steps=3)
        gap = np.abs(np.asarray(said[0], int) - np.asarray(worded[seed], int))
        assert gap.max() <= 2  # rounding: alone, not in a block
    assert set(Store(tmp_path).specs()) == plain.documents.keys() | worded.documents.keys()


def interrupt(done: int, total: int, what: str) -> None:
    """Behave like Ctrl-C after the second batch."""
    if done == 4:
        raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_where_it_stopped(pipe: Any, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    generate(pipe, PROMPT, range(6), D, to=whole, **FAST)
    with pytest.raises(KeyboardInterrupt):
        generate(pipe, PROMPT, range(6), D, to=broken, progress=interrupt, **FAST)
    with pytest.raises(FileError, match=r"4 of the pictures; expected 6 .* seed 4"):
        ImageSet.from_store(broken, seeds=range(6))
    pngs(broken)[3].unlink()  # as if stopped within the batch
    kept = pngs(broken)[2]
    before = kept.stat().st_mtime_ns
    calls: list[int] = []
    progress: list[tuple[int, int, str]] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    generate(
        pipe, PROMPT, range(6), D, to=broken, progress=lambda *now: progress.append(now), **FAST
    )
    assert len(calls) == 2 * 3  # two batches, three steps
    assert progress == [(4, 6, "generate"), (6, 6, "generate")]
    assert kept.stat().st_mtime_ns == before
    assert tree(broken) == tree(whole)


def test_a_finished_run_makes_nothing(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPT, range(3), D, to=tmp_path, **FAST)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in tree(tmp_path)}
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    assert len(generate(pipe, PROMPT, range(4), D, to=tmp_path, **FAST)) == 4
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in tree(tmp_path)} == before


def start(folder: Path, n: int) -> subprocess.Popen[bytes]:
    """Start a process that generates n pictures of each of two prompts."""
    return subprocess.Popen([sys.executable, str(WRITER), str(folder), str(n)])


def test_two_processes_and_a_killed_one_give_the_bytes_of_one(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "folder"
    generate(tiny_pipeline(), PROMPTS, range(30), STEER, to=whole, **SETTINGS)
    writers = [start(folder, 30) for _ in range(2)]
    until = time.monotonic() + 120
    while len(pngs(folder)) < 20 and writers[0].poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait(60)
    assert writers[1].wait(120) == 0
    assert tree(folder) == tree(whole)
    shutil.rmtree(folder)
    killed = start(folder, 30)
    while len(pngs(folder)) < 20 and killed.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait(60)
    generate(tiny_pipeline(), PROMPTS, range(30), STEER, to=folder, **SETTINGS)
    assert tree(folder) == tree(whole)


def test_a_resumed_run_uses_the_threads_of_the_store(pipe: Any, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.choose_threads(2) == 2
    before, seen = torch.get_num_threads(), []
    pipe.unet.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    images = generate(pipe, PROMPT, range(2), to=store, **FAST)
    assert set(seen) == {2}
    assert torch.get_num_threads() == before
    assert images.records[0].environment["threads"] == 2


# Other settings beside each other


def test_another_setting_is_another_spec_beside_the_first(pipe: Any, tmp_path: Path) -> None:
    first = generate(pipe, PROMPT, range(2), D, to=tmp_path, **FAST)
    (name,) = first.documents
    for other in ({"steer": 2 * D}, {"guidance_scale": 2.0}, {"batch_size": 3}, {"steer": None}):
        call = {"steer": D} | FAST | other
        images = generate(pipe, PROMPT, range(2), to=tmp_path, **call)
        assert images.documents.keys() != first.documents.keys()
    assert len(Store(tmp_path).specs()) == 5
    assert ImageSet.from_store(tmp_path, name).records == first.records
    asked = first.documents[name] | {
        "settings": first.documents[name]["settings"] | {"height": 128}
    }
    with pytest.raises(FileError, match=r"made with settings.height 64; expected .* 128;"):
        ImageSet.from_store(tmp_path, asked)


def test_a_changed_model_is_another_spec(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    with torch.no_grad():
        pipe.vae.decoder.layers[-1].weight.mul_(0.5)
    generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    one, other = (spec["model"] for spec in Store(tmp_path).specs().values())
    assert one["weights"] == other["weights"]
    assert one["picture"] != other["picture"]


# What a picture says of itself


def test_a_picture_carries_its_own_record(pipe: Any, tmp_path: Path) -> None:
    images = generate(pipe, PROMPT, [4, 5], [0, 2] * D, to=tmp_path, **FAST)
    ((file,)) = [file for file in pngs(tmp_path) if file.name == "000005.png"]
    with Image.open(file) as image:
        record = json.loads(image.text["trimtab"])
    name = images.records[1].spec
    spec = images.documents[name]
    assert record["settings"]["num_inference_steps"] == 3
    assert record["model"]["name"] == model_name(pipe)
    own = {"seed": 5, "prompt": PROMPT, "spec": name, "blocked": False}
    own["intervention"] = Intervention(2 * D).to_dict()
    assert own.items() <= record.items()
    assert all(record[key] == spec[key] for key in ("model", "settings", "batch_size"))


def test_no_local_path_is_hashed_or_written_into_a_picture(pipe: Any, tmp_path: Path) -> None:
    for place in ("here", "there"):
        folder = tmp_path / place / "model"
        pipe.save_pretrained(folder)
        loaded = type(pipe).from_pretrained(folder)
        images = generate(loaded, PROMPT, range(2), D, to=tmp_path / f"store-{place}", **FAST)
        assert images.model_path == str(folder)
    one, other = (tree(tmp_path / f"store-{place}") for place in ("here", "there"))
    assert one.keys() == other.keys()
    differing = [name for name in one if one[name] != other[name]]
    assert [name.split("/")[0] for name in differing] == ["models"]
    assert not any(
        os.fsencode(tmp_path) in data for name, data in one.items() if "models" not in name
    )


# Damage


@pytest.mark.parametrize("damage", ["truncate", "text", "foreign", "another"])
def test_a_damaged_picture_is_named(pipe: Any, tmp_path: Path, damage: str) -> None:
    images = generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    first, file = pngs(tmp_path)
    data = file.read_bytes()
    if damage == "foreign":
        Image.new("RGB", (64, 64)).save(file)
    else:
        text = {"truncate": data[: len(data) // 2], "text": b"hello", "another": first.read_bytes()}
        file.write_bytes(text[damage])
    for one in (images, generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)):
        with pytest.raises(FileError, match=r"000001\.png.* delete it and run again"):
            one[1]
    file.unlink()
    assert len(list(generate(pipe, PROMPT, range(2), to=tmp_path, **FAST))) == 2
    assert file.read_bytes() == data


def test_a_direction_is_known_by_its_whole_hash(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPT, range(2), D, to=tmp_path, **FAST)
    file = tmp_path / "directions" / f"{D.hash}.safetensors"
    Direction.random((4, 8, 8), 2).save(file)
    with pytest.raises(FileError, match="which is the direction"):
        _ = ImageSet.from_store(tmp_path).directions
    file.unlink()
    assert ImageSet.from_store(tmp_path).directions == ()


def test_other_things_are_left_alone(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileError, match="something else"):
            generate(pipe, PROMPT, range(2), to=path, **FAST)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text("{}")
    with pytest.raises(FileError, match="first edition"):
        generate(pipe, PROMPT, range(2), to=tmp_path / "old", **FAST)


# Opening


def test_opening_needs_no_torch(pipe: Any, tmp_path: Path) -> None:
    generate(pipe, PROMPT, range(2), D, to=tmp_path, **FAST)
    code = """
import sys
for name in ("torch", "diffusers", "transformers"):
    sys.modules[name] = None
from trimtab.generation import ImageSet
images = ImageSet.from_store(sys.argv[1])
assert [image.size for image in images] == [(64, 64)] * 2
assert images.directions[0].shape == (4, 8, 8)
assert "seed 1" in images._repr_html_()
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)


def test_a_set_shows_itself(pipe: Any, tmp_path: Path) -> None:
    images = generate(
        pipe, "a photo of a <doctor>", range(30), to=tmp_path, **FAST | {"batch_size": 10}
    )
    html = images._repr_html_()
    assert html.count("data:image/webp;base64,") == 24
    assert "seed 23" in html
    assert "and 6 more" in html
    assert "<doctor>" not in html
    pngs(tmp_path)[0].unlink()
    assert images._repr_html_().count("data:image/webp;base64,") == 23


@pytest.mark.parametrize("call", [{"prompt": "a nurse"}, {"seeds": [7]}, {"spec": "0" * 64}])
def test_what_is_not_there_is_told(pipe: Any, tmp_path: Path, call: dict[str, Any]) -> None:
    generate(pipe, PROMPT, range(2), to=tmp_path, **FAST)
    with pytest.raises(FileError, match=str(tmp_path)):
        ImageSet.from_store(tmp_path, **call)
    with pytest.raises(FileError, match="not a store"):
        ImageSet.from_store(tmp_path / "nowhere")


@pytest.mark.parametrize("part", [slice(1, 3), slice(None, None, -2)])
def test_a_slice_is_kept_as_what_it_is(pipe: Any, tmp_path: Path, part: slice) -> None:
    strengths = [0.0, 1.0, 2.0, 3.0]
    whole = generate(pipe, PROMPT, range(4), strengths * D - D, **FAST)
    saved = whole[part].save(tmp_path)
    assert saved.records == whole.records[part]
    assert len(saved.documents) == len(saved)
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    again = generate(pipe, PROMPT, range(4)[part], strengths[part] * D - D, to=tmp_path, **FAST)
    assert again.records == saved.records


def test_each_segment_of_a_saved_set_is_merged_once(pipe: Any, tmp_path: Path) -> None:
    merged: list[str | None] = []

    class Counting(Store):
        def consolidate(self, kind: str, segment: str | None = None, most: int = 1) -> None:
            merged.append(segment)
            super().consolidate(kind, segment, most)

    images = generate(pipe, PROMPTS, [0, 1, 1000], **FAST).save(Counting(tmp_path))
    assert len(images) == 6
    assert len(merged) == len(set(merged)) == 4


def test_a_copy_has_all_that_belongs_to_its_pictures(pipe: Any, url: str, tmp_path: Path) -> None:
    strengths = [0.0, 1.0, 2.0, 3.0]
    made = generate(pipe, PROMPT, range(4), strengths * D, to=tmp_path / "one", **FAST)
    wanted = [(record.spec, record.prompt, record.seed) for record in made.records]
    copy_pictures(Store(tmp_path / "one"), Store(url), wanted[1:])
    copied = ImageSet.from_store(url)
    assert set(copied.specs) == set(made.specs[1:])
    assert copied.directions == (D,)
    assert copied.model_path == made.model_path
    copy_pictures(Store(tmp_path / "one"), Store(url), wanted)
    copied = stored(Store(url), wanted)
    assert copied.records == made.records
    assert np.array_equal(arrays(copied), arrays(made))
    with pytest.raises(FileError, match="seed 9"):
        copy_pictures(Store(tmp_path / "one"), Store(url), [(*wanted[0][:2], 9)])


# Pictures made elsewhere


def test_pictures_made_elsewhere(tmp_path: Path) -> None:
    for name, colour in (("b.jpg", 200), ("a.png", 100), ("C.JPEG", 50)):
        Image.new("L", (8, 8), colour).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    images = ImageSet.from_folder(tmp_path)
    assert images.seeds == (0, 1, 2)
    assert images.prompts == ("", "", "")
    assert (images.model, images.model_path, images.settings) == (None, None, {})
    assert [image.getpixel((0, 0))[0] for image in images] == [50, 100, 200]
    assert all(image.mode == "RGB" for image in images)
    kept = images.save(tmp_path / "copy")
    assert kept.prompts == images.prompts
    assert np.array_equal(arrays(kept), arrays(images))
    before = tree(tmp_path / "copy")
    images.save(tmp_path / "copy")
    assert tree(tmp_path / "copy") == before
    assert images[:2].save(tmp_path / "copy").seeds == (0, 1)
    assert len(Store(tmp_path / "copy").specs()) == 2


def test_a_broken_picture_made_elsewhere_is_named_and_kept_as_blocked(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"hello")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    images = ImageSet.from_folder(tmp_path)
    with pytest.raises(FileError, match=r"a\.png"):
        images[0]
    assert images.save(tmp_path / "copy").blocked == (True, False)


def test_a_folder_without_pictures_is_refused(pipe: Any, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileError, match="without pictures"):
            ImageSet.from_folder(path)
    generate(pipe, PROMPT, range(2), to=tmp_path / "store", **FAST)
    with pytest.raises(FileError, match=r"is a store; .* ImageSet\.from_store"):
        ImageSet.from_folder(tmp_path / "store")


def test_prompts_must_be_said_once(pipe: Any) -> None:
    for prompts in ([], [PROMPT, ""], [PROMPT, PROMPT], [PROMPT, 3]):
        with pytest.raises(UsageError, match="prompt"):
            generate(pipe, prompts, range(2), **FAST)
