"""Seeds, noise, and capturing latents with resumption."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimtab.concepts import Concept, attribute
from trimtab.errors import FileError, UsageError
from trimtab.latents import (
    AUDIT_SEEDS,
    CALIBRATION_SEEDS,
    CAPTURE_SEEDS,
    LatentSamples,
    SeedOverlapWarning,
    batches,
    capture,
    check_seeds,
    noise,
    warn_on_overlap,
)
from trimtab.pipelines import LatentSpec
from trimtab.storage import require_same_settings, write_atomic

SPEC = LatentSpec("stable-diffusion", (4, 8, 8), 64, 64, torch.float32)
GENDER = attribute("gender")
FAST = {"num_inference_steps": 4, "batch_size": 2}
seed_lists = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6)


@given(seed_lists)
def test_noise_of_a_seed_does_not_depend_on_the_batch(seeds: list[int]) -> None:
    together = noise(SPEC, seeds)
    assert together.dtype == torch.float32
    for row, seed in zip(together, seeds, strict=True):
        assert torch.equal(row, noise(SPEC, [seed])[0])


@given(st.integers(1, 40), st.integers(1, 50))
def test_batches_cover_all_seeds_once_and_in_order(n: int, size: int) -> None:
    cuts = list(batches(range(n), size))
    assert [i for cut in cuts for i in range(n)[cut]] == list(range(n))
    assert max(cut.stop - cut.start for cut in cuts) <= size


def test_seeds_of_any_integer_type_are_taken() -> None:
    assert check_seeds(np.arange(3)) == (0, 1, 2)
    assert check_seeds(7) == (7,)
    assert check_seeds([1, 1], unique=False) == (1, 1)


@pytest.mark.parametrize("seeds", [[], [-1], [2**63], [1.5], ["1"], [3, 3], None])
def test_bad_seeds_are_refused(seeds: Any) -> None:
    with pytest.raises(UsageError, match="seed"):
        check_seeds(seeds)


def test_the_three_ranges_are_disjoint() -> None:
    ranges = [set(AUDIT_SEEDS), set(CALIBRATION_SEEDS), set(CAPTURE_SEEDS)]
    assert len(set().union(*ranges)) == sum(map(len, ranges))


def test_an_overlap_is_warned_about() -> None:
    with pytest.warns(SeedOverlapWarning, match=r"2 seeds \(the first is 3\)"):
        warn_on_overlap(range(5), range(3, 9))
    warn_on_overlap(range(5), range(5, 9))


def test_capture_pairs_the_groups_by_seed(pipe: Any) -> None:
    samples = capture(pipe, "gender", range(5), [3, 1], **FAST)
    assert (samples.groups, samples.seeds, samples.steps) == (GENDER.names, tuple(range(5)), (1, 3))
    latents = samples.latents(1)
    assert {name: (a.shape, a.dtype.name) for name, a in latents.items()} == {
        name: ((5, 4, 8, 8), "float32") for name in GENDER.names
    }
    first, second = latents.values()
    same_seed = np.linalg.norm((first - second).reshape(5, -1), axis=1)
    other_seed = np.linalg.norm((first - np.roll(second, 1, axis=0)).reshape(5, -1), axis=1)
    assert (same_seed > 0).all()
    assert same_seed.max() < other_seed.min()
    assert samples.timestep(1) > samples.timestep(3)
    assert samples.sigma(1) > samples.sigma(3)
    assert samples.settings["model"] == "StableDiffusionPipeline"


def test_several_concepts_take_turns(pipe: Any) -> None:
    both = capture(pipe, GENDER, range(4), 2, on=["doctor", "nurse"], dtype="float32", **FAST)
    assert [len(texts) for texts in both.prompts.values()] == [2, 2]
    for concept, mine in (("doctor", [0, 2]), ("nurse", [1, 3])):
        alone = capture(pipe, GENDER, mine, 2, on=concept, dtype="float32", **FAST)
        for name, array in alone.latents(2).items():
            np.testing.assert_allclose(array, both.latents(2)[name][mine], atol=1e-4)


def test_concepts_are_taken_as_names_or_as_concepts(pipe: Any) -> None:
    for on in (Concept("doctor"), [Concept("doctor"), "nurse"]):
        names = ["doctor", "nurse"] if isinstance(on, list) else "doctor"
        ours = capture(pipe, GENDER, range(2), np.int64(2), on=on, **FAST)
        assert ours.settings == capture(pipe, GENDER, range(2), 2, on=names, **FAST).settings
        assert json.dumps(ours.settings["on"]) in ('["doctor"]', '["doctor", "nurse"]')


def test_what_is_kept_is_the_float32_latents_rounded_once(pipe: Any) -> None:
    exact = capture(pipe, GENDER, range(3), 2, dtype="float32", **FAST).latents(2)
    half = capture(pipe, GENDER, range(3), 2, **FAST).latents(2)
    for name in exact:
        assert np.array_equal(exact[name].astype(np.float16).astype(np.float32), half[name])


def test_a_folder_gives_back_what_memory_gives(pipe: Any, tmp_path: Path) -> None:
    options = {"on": "doctor", "negative_prompt": "a nurse"} | FAST
    memory = capture(pipe, GENDER, range(3), [1, 2], **options)
    written = capture(pipe, GENDER, range(3), [1, 2], to=tmp_path / "a" / "b", **options)
    read = LatentSamples.from_folder(tmp_path / "a" / "b")
    for samples in (written, read):
        assert samples.settings == memory.settings
        assert samples.sigma(2) == memory.sigma(2)
        for step in (1, 2):
            for name, array in memory.latents(step).items():
                assert np.array_equal(array, samples.latents(step)[name])


def interrupt_after(batch: int) -> Any:
    """A progress callback that behaves like Ctrl-C after some batches."""
    seen: list[int] = []

    def progress(done: int, total: int, what: str) -> None:
        seen.append(done)
        if len(seen) == batch:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_capture_goes_on_where_it_stopped(pipe: Any, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    capture(pipe, GENDER, range(5), [1, 2], to=whole, **FAST)
    with pytest.raises(KeyboardInterrupt):
        capture(pipe, GENDER, range(5), [1, 2], to=broken, progress=interrupt_after(2), **FAST)
    with pytest.raises(FileError, match="2 finished shards; expected 3"):
        LatentSamples.from_folder(broken)
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    progress: list[tuple[int, int]] = []
    capture(
        pipe, GENDER, range(5), [1, 2], to=broken,
        progress=lambda done, total, _: progress.append((done, total)), **FAST,
    )  # fmt: skip
    assert len(calls) == 2 * 2  # the one batch left: two groups, two steps
    assert progress == [(10, 10)]
    assert sorted(f.name for f in whole.iterdir()) == sorted(f.name for f in broken.iterdir())
    for file in whole.iterdir():
        assert file.read_bytes() == (broken / file.name).read_bytes()


@pytest.mark.parametrize("size", [1, 3, 8])
def test_an_interrupted_capture_goes_on_with_another_batch_size(
    pipe: Any, tmp_path: Path, size: int
) -> None:
    options = {"on": ["doctor", "nurse"], "dtype": "float32", "num_inference_steps": 4}
    whole = capture(pipe, GENDER, range(7), [1, 2], batch_size=2, **options)
    with pytest.raises(KeyboardInterrupt):
        capture(
            pipe, GENDER, range(7), [1, 2], to=tmp_path, progress=interrupt_after(2),
            batch_size=2, **options,
        )  # fmt: skip
    kept = {file: file.read_bytes() for file in tmp_path.glob("latents-*")}
    assert len(kept) == 2
    for resumed in (
        capture(pipe, GENDER, range(7), [1, 2], to=tmp_path, batch_size=size, **options),
        LatentSamples.from_folder(tmp_path),
    ):
        assert resumed.settings == whole.settings  # with the batch size that it was begun with
        for name, array in whole.latents(2).items():
            np.testing.assert_allclose(resumed.latents(2)[name], array, atol=1e-4)
    assert {file: file.read_bytes() for file in kept} == kept
    assert len(list(tmp_path.glob("latents-*"))) == 2 + -(-3 // size)


@pytest.mark.parametrize("size", [2, 1])
def test_a_finished_folder_is_not_run_again(pipe: Any, tmp_path: Path, size: int) -> None:
    capture(pipe, GENDER, range(3), 1, to=tmp_path, **FAST)
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    again = capture(pipe, GENDER, range(3), 1, to=tmp_path, **FAST | {"batch_size": size})
    assert again.seeds == (0, 1, 2)


def test_a_manifest_with_a_gap_is_refused(pipe: Any, tmp_path: Path) -> None:
    capture(pipe, GENDER, range(3), 1, to=tmp_path, **FAST)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest["shards"]["0"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for use in (
        lambda: LatentSamples.from_folder(tmp_path),
        lambda: capture(pipe, GENDER, range(3), 1, to=tmp_path, **FAST),
    ):
        with pytest.raises(FileError, match="lacks a shard"):
            use()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"guidance_scale": 2.0}, "guidance_scale"),
        ({"on": "doctor"}, "on null"),
        ({"num_inference_steps": 5}, "num_inference_steps 4"),
        ({"height": 128}, "height 64"),
        ({"dtype": "float32"}, 'dtype "float16"'),
    ],
)
def test_a_folder_of_other_settings_is_refused(
    pipe: Any, tmp_path: Path, other: dict[str, Any], named: str
) -> None:
    capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)
    with pytest.raises(FileError, match=f"made with {named}"):
        capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST | other)


@pytest.mark.parametrize(
    ("found", "asked", "says"),
    [
        (
            {"seeds": list(range(100))},
            {"seeds": range(200)},
            "with 100 seeds from 0; expected 200 seeds from 0;",
        ),
        (
            {"seeds": list(range(100))},
            {"seeds": range(100, 200)},
            "with 100 seeds from 0; expected 100 seeds from 100;",
        ),
        ({"seeds": [1, 2, 3]}, {"seeds": [1, 2, 4]}, "with seeds[2] 3; expected seeds[2] 4;"),
        (
            {"steering": {"terms": [{"hash": 70 * "a", "strength": 3.0}]}},
            {"steering": {"terms": [{"hash": 70 * "a", "strength": 4.0}]}},
            "with steering.terms[0].strength 3.0; expected steering.terms[0].strength 4.0;",
        ),
        (
            {"steering": {"terms": [{"strength": [0.5] * 60}]}},
            {"steering": {"terms": [{"strength": [0.5] * 59 + [1.5]}]}},
            "with steering.terms[0].strength[59] 0.5; expected",
        ),
        ({"prompt": 100 * "a" + "b"}, {"prompt": 100 * "a" + "c"}, 'aaab"; expected prompt …aaa'),
        ({"on": None}, {"on": ["doctor"]}, 'with on null; expected on ["doctor"];'),
        ({"plan": {"n": 2}}, {"plan": {"n": 2, "watch": "age"}}, 'null; expected plan.watch "age"'),
        (
            {"attributes": [{"name": "gender", "groups": [1]}, {"name": "age"}]},
            {"attributes": [{"name": "gender", "groups": [1]}]},
            "with attributes gender, age; expected attributes gender;",
        ),
        (
            {"attributes": [{"name": "gender", "groups": [1]}, {"name": "age"}]},
            {"attributes": [{"name": "gender", "groups": [2]}, {"name": "age"}]},
            "with attributes[0].groups[0] 1; expected attributes[0].groups[0] 2;",
        ),
        (
            {"terms": []},
            {"terms": [{"direction": "gender: woman", "hash": "1" * 64, "strength": 3.0}]},
            "with terms none; expected terms 3.0 gender: woman;",
        ),
    ],
)
def test_the_setting_that_differs_is_told_with_both_values(
    tmp_path: Path, found: dict[str, Any], asked: dict[str, Any], says: str
) -> None:
    asked = {name: list(v) if isinstance(v, range) else v for name, v in asked.items()}
    require_same_settings(tmp_path, found, json.loads(json.dumps(found)))
    with pytest.raises(FileError) as caught:
        require_same_settings(tmp_path, found, asked)
    assert says in str(caught.value)
    mine, wanted = caught.value.got.partition("made with ")[2], caught.value.expected
    assert mine != wanted
    assert max(len(mine), len(wanted)) < 120


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_shard_is_refused(pipe: Any, tmp_path: Path, damage: str) -> None:
    capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)
    shard = tmp_path / "latents-00000.safetensors"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damage == "flip" else data[:-9])
    if damage == "delete":
        shard.unlink()
    with pytest.raises(FileError, match="damaged shard"):
        LatentSamples.from_folder(tmp_path)
    with pytest.raises(FileError, match="damaged shard"):
        capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other", "version": 1}', "{}"])
def test_a_foreign_manifest_is_refused(pipe: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    for use in (
        lambda: LatentSamples.from_folder(tmp_path),
        lambda: capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST),
    ):
        with pytest.raises(FileError, match=r"manifest\.json"):
            use()
    assert (tmp_path / "manifest.json").read_text() == text


def test_a_manifest_without_its_entries_is_refused(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": "trimtab-latents", "version": 1}')
    with pytest.raises(FileError, match=r"manifest\.json"):
        LatentSamples.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": 3}, r"settings \{…\}"),
        ({"levels": [1]}, r"levels \{…\}"),
        ({"shards": "many"}, r"shards \{…\}"),
        ({"settings": {"seeds": 50}}, "with seeds 50; expected seeds of kind list"),
        ({"settings": {"seeds": ["1"]}}, "seeds of kind list"),
        ({"settings": {"prompts": ["a"]}}, "prompts of kind dict"),
        ({"settings": {"shape": None}}, "with shape null; expected shape of kind list"),
        ({"settings": {"batch_size": "2"}}, "batch_size of kind int"),
        ({"levels": {"1": 4.0}}, "or a level"),
        ({"levels": {"one": [4.0, 2.0]}}, "or a level"),
        ({"levels": {}}, "or a level"),
        ({"shards": {"one": "0"}}, "lacks a shard"),
        ({"shards": {"0": 7}}, "damaged shard"),
    ],
)
def test_a_manifest_with_wrong_entries_is_refused(
    pipe: Any, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)
    file = tmp_path / "manifest.json"
    manifest = json.loads(file.read_text())
    for name, value in change.items():
        inside = name == "settings" and isinstance(value, dict)
        manifest[name] = manifest[name] | value if inside else value
    file.write_text(json.dumps(manifest))
    with pytest.raises(FileError, match=says) as caught:
        LatentSamples.from_folder(tmp_path)
    assert str(tmp_path) in caught.value.got


def test_a_folder_with_other_things_is_left_alone(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileError, match="something else"):
            capture(pipe, GENDER, range(2), 1, to=path, **FAST)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_hidden_files_do_not_count(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere"):
        LatentSamples.from_folder(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse files beyond a size, as it does when a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")
    with largest_file(100), pytest.raises(FileError, match="run again: finished work is kept"):
        write_atomic(file, bytes(1000))
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_keeps_finished_shards(pipe: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        capture(
            pipe, GENDER, range(8), [1, 2, 3, 4], to=tmp_path, progress=interrupt_after(1),
            num_inference_steps=4, batch_size=4,
        )  # fmt: skip
    room = (tmp_path / "manifest.json").stat().st_size + 500
    assert room < (tmp_path / "latents-00000.safetensors").stat().st_size
    options = {"to": tmp_path, "num_inference_steps": 4, "batch_size": 4}
    with largest_file(room), pytest.raises(FileError, match="free some space"):
        capture(pipe, GENDER, range(8), [1, 2, 3, 4], **options)
    assert len(json.loads((tmp_path / "manifest.json").read_text())["shards"]) == 1
    assert len(capture(pipe, GENDER, range(8), [1, 2, 3, 4], **options).seeds) == 8


@pytest.mark.parametrize("steps", [[0], [5], [-1], [], [1.5], [1, 0]])
def test_steps_outside_the_run_are_refused(pipe: Any, steps: Any) -> None:
    with pytest.raises(UsageError, match="from 1 to 4"):
        capture(pipe, GENDER, range(2), steps, **FAST)


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"dtype": "int8"}, {"guidance_scale": float("nan")}]
)
def test_settings_out_of_range_are_refused_before_any_work(
    pipe: Any, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        capture(pipe, GENDER, range(2), 1, to=tmp_path / "new", **FAST | wrong)
    assert not (tmp_path / "new").exists()


def test_a_step_that_was_not_captured_is_refused(pipe: Any) -> None:
    samples = capture(pipe, GENDER, range(2), 1, **FAST)
    for use in (samples.latents, samples.timestep, samples.sigma):
        with pytest.raises(UsageError, match="captured step: 1"):
            use(2)
