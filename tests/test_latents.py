"""Seeds, noise, and capturing latents with resumption."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tiny import tiny_pipeline, tiny_xl_pipeline
from trimtab.concepts import Concept, attribute
from trimtab.errors import FileError, UsageError
from trimtab.latents import (
    AUDIT_SEEDS,
    CALIBRATION_SEEDS,
    CAPTURE_SEEDS,
    LatentSamples,
    SeedOverlapWarning,
    batches,
    blocks,
    capture,
    check_seeds,
    noise,
    warn_on_overlap,
)
from trimtab.pipelines import LatentSpec
from trimtab.storage import Store, write_atomic

SPEC = LatentSpec("stable-diffusion", (4, 8, 8), 64, 64)
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


def test_a_repeated_seed_among_many_is_named() -> None:
    with pytest.raises(UsageError, match="seed 29999 more than once"):
        check_seeds([*range(30_000), 29_999])


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(1, 12))
def test_blocks_hold_each_seed_at_its_own_place(seeds: list[int], size: int) -> None:
    found = blocks(seeds, size)
    assert list(found) == list(dict.fromkeys(seed // size for seed in seeds))
    assert all(seed in found[seed // size] for seed in seeds)
    assert all(list(block)[seed % size] == seed for block in found.values() for seed in block)


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
    assert both.turns == (0, 1, 0, 1)
    assert capture(pipe, GENDER, [7, 4], 1, on=["doctor", "nurse"], **FAST).turns == (1, 0)
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


def trees(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones, too."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("place", ["folder", "file://", "memory://"])
def test_a_store_gives_back_what_memory_gives(pipe: Any, tmp_path: Path, place: str) -> None:
    url = f"{tmp_path}/a/b" if place == "folder" else f"{place}{tmp_path}/a/b"
    options = {"on": "doctor", "negative_prompt": "a nurse"} | FAST
    memory = capture(pipe, GENDER, range(4), [1, 2], **options)
    written = capture(pipe, GENDER, range(4), [1, 2], to=url, **options)
    for samples in (written, LatentSamples.from_store(url)):
        assert samples.settings == memory.settings
        assert samples.sigma(2) == memory.sigma(2)
        for step in (1, 2):
            for name, array in memory.latents(step).items():
                assert np.array_equal(array, samples.latents(step)[name])
    two = LatentSamples.from_store(Store(url), seeds=[3, 0])
    assert two.seeds == (3, 0)
    for name, array in memory.latents(2).items():
        assert np.array_equal(array[[3, 0]], two.latents(2)[name])


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
    with pytest.raises(FileError, match=r"4 of the seeds; expected 5 .* missing is 4"):
        LatentSamples.from_store(broken, seeds=range(5))
    calls: list[int] = []
    pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    progress: list[tuple[int, int]] = []
    capture(
        pipe, GENDER, range(5), [1, 2], to=broken,
        progress=lambda done, total, _: progress.append((done, total)), **FAST,
    )  # fmt: skip
    assert len(calls) == 2 * 2  # the one batch left: two groups, two steps
    assert progress == [(10, 10)]
    assert trees(broken) == trees(whole)


def test_a_capture_is_extended_by_the_seeds_that_are_missing(tmp_path: Path) -> None:
    pipe = tiny_xl_pipeline()  # whose latents show by their last bits how many were made together
    options = {"on": ["doctor", "nurse", "chef"], "num_inference_steps": 2, "batch_size": 4}
    capture(pipe, GENDER, range(12), 1, to=tmp_path / "once", dtype="float32", **options)
    for seeds in ([9, 2], range(5), range(12)):
        part = capture(pipe, GENDER, seeds, 1, to=tmp_path / "grown", dtype="float32", **options)
        assert part.seeds == tuple(seeds)
    assert trees(tmp_path / "grown") == trees(tmp_path / "once")


def test_two_writers_share_a_store(pipe: Any, tmp_path: Path) -> None:
    capture(pipe, GENDER, range(8), [1, 2], to=tmp_path / "once", **FAST)
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(capture, tiny, GENDER, range(8), [1, 2], to=tmp_path / "both", **FAST)
            for tiny in (tiny_pipeline(), tiny_pipeline())
        ]
    assert all(one.result().seeds == tuple(range(8)) for one in work)
    assert trees(tmp_path / "both") == trees(tmp_path / "once")


def test_other_settings_lie_beside_each_other(pipe: Any, tmp_path: Path) -> None:
    first = capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)
    for other in (
        {"guidance_scale": 2.0}, {"on": "doctor"}, {"height": 128}, {"dtype": "float32"},
        {"batch_size": 1},
    ):  # fmt: skip
        capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST | other)
    specs = Store(tmp_path).specs()
    assert len(specs) == 6
    with pytest.raises(FileError, match="6 captures; expected one; say which by its spec"):
        LatentSamples.from_store(tmp_path)
    again = [LatentSamples.from_store(tmp_path, name).settings for name in specs]
    assert first.settings in again
    asked = next(iter(specs.values())) | {"batch_size": 7}
    with pytest.raises(FileError, match="expected batch_size 7;"):
        LatentSamples.from_store(tmp_path, asked)


def test_a_finished_capture_is_not_run_again(pipe: Any, tmp_path: Path) -> None:
    capture(pipe, GENDER, range(3), 1, to=tmp_path, **FAST)
    pipe.unet.register_forward_hook(lambda *_: pytest.fail("the denoiser was called"))
    assert capture(pipe, GENDER, range(4), 1, to=tmp_path, **FAST).seeds == (0, 1, 2, 3)


def shards(folder: Path) -> list[Path]:
    """The files of latents in a store, in order."""
    return sorted(folder.glob("latents/*/*"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "another"])
def test_a_damaged_shard_is_named(pipe: Any, tmp_path: Path, damage: str) -> None:
    capture(pipe, GENDER, range(4), 1, to=tmp_path, **FAST)
    other, shard = shards(tmp_path)
    data = shard.read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    wrong = {"flip": flipped, "truncate": data[:-9], "empty": b"", "another": other.read_bytes()}
    shard.write_bytes(wrong[damage])
    for use in (
        lambda: LatentSamples.from_store(tmp_path),
        lambda: capture(pipe, GENDER, range(4), 1, to=tmp_path, **FAST),
    ):
        with pytest.raises(FileError, match=rf"{shard.name}, which is damaged .* run again"):
            use()
    shard.unlink()
    capture(pipe, GENDER, range(4), 1, to=tmp_path, **FAST)
    assert shard.read_bytes() == data


@pytest.mark.parametrize("change", [{"dtype": "float32"}, {"steps": 2}, {"height": 128}])
def test_a_shard_of_another_capture_is_named(
    pipe: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    call = {"seeds": range(2), "steps": 1, "to": tmp_path} | FAST
    capture(pipe, GENDER, **call)
    (mine,) = shards(tmp_path)
    capture(pipe, GENDER, **call | change)
    (other,) = {*shards(tmp_path)} - {mine}
    mine.unlink()
    foreign = mine.parent / other.name
    foreign.write_bytes(other.read_bytes())
    with pytest.raises(FileError, match=rf"{foreign.name}, which is damaged"):
        capture(pipe, GENDER, **call)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"capture": 3}, "capture of kind dict"),
        ({"batch_size": "2"}, "batch_size of kind int"),
        ({"capture": {"groups": ["a"]}}, "attribute of kind str"),
        ({"format": "trimtab-spec", "capture": None}, "capture of kind dict"),
    ],
)
def test_a_spec_with_wrong_entries_is_refused(
    pipe: Any, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    capture(pipe, GENDER, range(2), 1, to=tmp_path, **FAST)
    store = Store(tmp_path)
    (spec,) = store.specs().values()
    name = store.add_spec(spec | change)
    with pytest.raises(FileError, match=says) as caught:
        LatentSamples.from_store(tmp_path, name)
    assert str(tmp_path) in caught.value.got


def test_other_things_are_left_alone(pipe: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileError, match="something else"):
            capture(pipe, GENDER, range(2), 1, to=path, **FAST)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text("{}")
    with pytest.raises(FileError, match=r"first edition of trimtab \(manifest\.json\)"):
        capture(pipe, GENDER, range(2), 1, to=tmp_path / "old", **FAST)


def test_a_missing_store_is_refused(pipe: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere"):
        LatentSamples.from_store(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    Store(tmp_path / "empty").settle()
    with pytest.raises(FileError, match="0 captures; expected one; capture latents"):
        LatentSamples.from_store(tmp_path / "empty")


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
    with largest_file(100), pytest.raises(FileError, match="run again; finished work is kept"):
        write_atomic(file, bytes(1000))
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_keeps_finished_shards(pipe: Any, tmp_path: Path) -> None:
    options = {"to": tmp_path, "num_inference_steps": 4, "batch_size": 4}
    with pytest.raises(KeyboardInterrupt):
        capture(pipe, GENDER, range(8), [1, 2, 3, 4], progress=interrupt_after(1), **options)
    (kept,) = shards(tmp_path)
    room = kept.stat().st_size - 500
    with largest_file(room), pytest.raises(FileError, match="free some space"):
        capture(pipe, GENDER, range(8), [1, 2, 3, 4], **options)
    assert shards(tmp_path) == [kept]
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
