"""The store: on any filesystem, by several writers, stopped anywhere, and what it refuses."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from store_writer import PROMPT, SPEC, fill, picture
from trimtab.errors import FileError, UsageError
from trimtab.storage import (
    PictureIndex,
    Schema,
    Store,
    canonical_json,
    differences,
    document_hash,
    encode_tensors,
    picture_hash,
    register_schema,
    scratch_store,
    sha256,
    told_differences,
    write_atomic,
)
from trimtab.storage.places import open_place
from trimtab.storage.rows import INDEX, decode, encode

WRITER = Path(__file__).with_name("store_writer.py")
DATA = Path(__file__).parent / "data"
HASH = document_hash(SPEC)
SEGMENT = f"{HASH[:16]}/a-photo-of-a-doctor-{sha256(PROMPT.encode())[:8]}/000"


@pytest.fixture(params=["folder", "file://", "memory://"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store on each kind of filesystem."""
    path = tmp_path / "a" / "b"
    return str(path) if request.param == "folder" else f"{request.param}{path}"


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones, too."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def start(folder: Path, first: int, end: int) -> subprocess.Popen[bytes]:
    """Start a process that fills a store."""
    return subprocess.Popen([sys.executable, str(WRITER), str(folder), str(first), str(end)])


# Any filesystem


def test_nothing_is_written_before_the_first_add(url: str) -> None:
    store = Store(url)
    assert not store.exists
    assert store.specs() == {}
    assert store.results() == []
    assert len(store.rows("index")) == 0
    with pytest.raises(FileError, match="which is not a store"):
        Store.existing(url)
    if store.folder is not None:
        assert not store.folder.exists()


def test_what_was_added_is_found_again(url: str) -> None:
    fill(url, range(15))
    fill(url, range(12))
    store = Store.existing(url)
    assert (store.folder is None) == url.startswith("memory")
    assert store.specs() == {HASH: SPEC}
    assert store.spec(HASH) == SPEC
    assert store.require_spec(SPEC) == HASH
    index = PictureIndex(store)
    rows = index.rows(HASH, PROMPT)
    assert [row.seed for row in rows] == list(range(15))
    for row in rows:
        assert np.array_equal(index.image(row), picture(row.seed))
        assert row.picture == picture_hash(picture(row.seed))
    assert store.rows("index", columns=["seed"]).column_names == ["seed"]
    assert index.rows(HASH, "another prompt") == []
    assert store.result("done") == {"n": 12}
    assert store.results() == ["done"]
    assert len(store.names(f"index/{SEGMENT}")) == 1


def test_every_filesystem_gets_the_same_files(tmp_path: Path) -> None:
    places = [str(tmp_path / "one"), f"file://{tmp_path}/two", f"memory://{tmp_path}/three"]
    for place in places:
        fill(place, range(5))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    third = Store(places[2])
    for name, data in tree(tmp_path / "one").items():
        assert third.read_file(name) == data


def test_a_store_grows_to_what_one_run_would_have_made(tmp_path: Path) -> None:
    fill(tmp_path / "once", range(40))
    for seeds in (range(30, 40), range(7), range(40)):
        fill(tmp_path / "grown", seeds)
    assert tree(tmp_path / "once") == tree(tmp_path / "grown")


@pytest.mark.parametrize("url", ["nothing://place", ""])
def test_places_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected a folder"):
        Store(url)


def test_threads_are_chosen_once(url: str) -> None:
    one = Store(url)
    one.save_result("x", {})  # begins the store without torch
    assert one.threads is None
    other = Store(url)  # opened before the number is chosen
    assert one.choose_threads(2) == 2
    assert other.choose_threads(7) == 2
    assert (one.threads, other.threads, Store(url).threads) == (2, 2, 2)


def test_of_many_writers_one_chooses_the_threads(tmp_path: Path) -> None:
    stores = [Store(tmp_path) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        chosen = set(pool.map(lambda i: stores[i].choose_threads(i + 1), range(16)))
    assert chosen == {Store(tmp_path).threads}


def test_a_file_is_added_once_to_any_place(url: str) -> None:
    place = open_place(url)
    assert place.add("a/b", b"first")
    assert not place.add("a/b", b"second")
    assert place.read("a/b") == b"first"


@pytest.mark.parametrize("text", ['{"format": "other", "version": 1}', "{", "threads"])
def test_a_damaged_number_of_threads_is_named(url: str, text: str) -> None:
    if text == "threads":
        text = '{"format": "trimtab-threads", "version": 1, "threads": "all"}'
    store = Store(url)
    store.write_file("threads.json", text.encode())
    with pytest.raises(FileError, match=r"threads\.json"):
        store.choose_threads(2)


# Several writers, stopped writers


def test_two_writers_give_the_files_of_one(tmp_path: Path) -> None:
    fill(tmp_path / "one", range(200))
    writers = [start(tmp_path / "two", 0, 200) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


@pytest.mark.parametrize("pictures", [1, 25, 60])
def test_a_killed_writer_is_replaced_by_the_next(tmp_path: Path, pictures: int) -> None:
    fill(tmp_path / "whole", range(100))
    folder = tmp_path / "broken"
    writer = start(folder, 0, 100)
    until = time.monotonic() + 60
    while len(list(folder.glob("images/*/*/*/*.png"))) < pictures and writer.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    writer.send_signal(signal.SIGKILL)
    writer.wait(60)
    fill(folder, range(100))
    assert tree(folder) == tree(tmp_path / "whole")


def test_what_a_killed_writer_left_half_written_is_swept(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    whole = tree(tmp_path)
    dead = subprocess.Popen(["true"])
    dead.wait()
    host = next(iter(_temporary(tmp_path))).split(".")[-2].split("-")[0]
    for folder in (f"index/{SEGMENT}", f"images/{SEGMENT}"):
        (tmp_path / folder / f".x.{host}-{dead.pid}-0.tmp").write_bytes(b"half")
    mine = tmp_path / f"images/{SEGMENT}" / f".x.{host}-{os.getpid()}-0.tmp"
    mine.write_bytes(b"in the making")
    fill(tmp_path, range(3))
    assert mine.exists()
    mine.unlink()
    assert tree(tmp_path) == whole


def _temporary(folder: Path) -> list[str]:
    """The names under which files are written before they are whole."""
    seen: list[str] = []
    fsync = os.fsync

    def look(file: int) -> None:
        seen.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
        fsync(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", look)
        write_atomic(folder / "probe", b"")
    (folder / "probe").unlink()
    return seen


# Rows


numbers = itertools.count()


@given(st.lists(st.integers(0, 8), min_size=1, max_size=12), st.integers(1, 4), st.randoms())
def test_a_segment_depends_on_its_rows_alone(seeds: list[int], size: int, random: Any) -> None:
    place = f"memory://segments/{next(numbers)}"
    rows = [
        {"spec": "s", "prompt": "p", "seed": seed, "picture": str(seed), "file": "f",
         "blocked": False, "environment": "{}"}
        for seed in seeds
    ]  # fmt: skip
    store = Store(place)
    for at in range(0, len(rows), size):
        store.add_rows("index", "x", pa.Table.from_pylist(rows[at : at + size], INDEX.columns))
    assert store.rows("index", "x")["seed"].to_pylist() == sorted(set(seeds))
    store.consolidate("index", "x")
    random.shuffle(rows)
    data = encode(pa.Table.from_pylist(rows, INDEX.columns), INDEX)
    assert store.names("index/x") == [f"{sha256(data)[:16]}.parquet"]
    assert store.read_file(f"index/x/{sha256(data)[:16]}.parquet") == data


def test_rows_of_what_is_gone_are_taken_out(url: str) -> None:
    fill(url, range(30))
    index = PictureIndex(Store(url))
    rows = index.rows(HASH)
    index.forget(rows[:5])
    assert index.rows(HASH) == rows[5:]
    index.forget(rows)
    assert index.rows(HASH) == []
    fill(url, range(30))
    assert index.rows(HASH) == rows


OLDER = register_schema(
    Schema(
        kind="tested",
        version=2,
        columns=pa.schema({"name": pa.string(), "size": pa.float64(), "unit": pa.string()}),
        key=("name",),
        upgrades={1: lambda table: table.append_column("unit", [["cm"] * len(table)])},
    )
)


def test_an_older_file_is_upgraded_when_it_is_read() -> None:
    data = (DATA / "rows-v1.parquet").read_bytes()
    expected = [{"name": "a", "size": 1.5, "unit": "cm"}, {"name": "b", "size": 2.0, "unit": "cm"}]
    assert decode(data, OLDER, "file").to_pylist() == expected
    assert decode(data, OLDER, "file", ["unit"]).to_pylist() == [{"unit": "cm"}] * 2
    store = Store("memory://older")
    store.add_file(f"tested/x/{sha256(data)[:16]}.parquet", data)
    store.add_rows("tested", "x", pa.Table.from_pylist([expected[0] | {"name": "c"}]))
    store.consolidate("tested", "x")
    assert [row["name"] for row in store.rows("tested").to_pylist()] == ["a", "b", "c"]


def test_the_index_of_the_first_version_is_read() -> None:
    (row,) = decode((DATA / "index-v1.parquet").read_bytes(), INDEX, "file").to_pylist()
    assert (row["spec"], row["prompt"], row["seed"], row["blocked"]) == (HASH, PROMPT, 7, False)
    assert json.loads(row["environment"]) == {"device": "cpu"}


def test_a_later_version_of_rows_is_refused(tmp_path: Path) -> None:
    later = Schema("index", 2, INDEX.columns, INDEX.key)
    fill(tmp_path, range(3))
    (file,) = (tmp_path / "index" / SEGMENT).iterdir()
    data = encode(Store(tmp_path).rows("index"), later)
    file.with_name(f"{sha256(data)[:16]}.parquet").write_bytes(data)
    with pytest.raises(FileError, match=r"of version 2; expected at most version 1 .* update"):
        Store(tmp_path).rows("index")


@pytest.mark.parametrize("damage", [b"", b"hello", None])
def test_a_damaged_part_is_named(tmp_path: Path, damage: bytes | None) -> None:
    fill(tmp_path, range(3))
    (file,) = (tmp_path / "index" / SEGMENT).iterdir()
    data = file.read_bytes()
    file.write_bytes(data[:-20] + bytes(20) if damage is None else damage)
    with pytest.raises(FileError, match=rf"{file.name}, which is damaged"):
        Store(tmp_path).rows("index")
    file.unlink()
    fill(tmp_path, range(3))  # as the message says
    assert file.read_bytes() == data


# Pictures


@pytest.mark.parametrize("damage", ["truncate", "text", "another"])
def test_a_damaged_picture_is_named_and_made_again_once_deleted(
    tmp_path: Path, damage: str
) -> None:
    fill(tmp_path, range(3))
    index = PictureIndex(Store(tmp_path))
    row = index.rows(HASH)[1]
    file = tmp_path / "images" / SEGMENT / "000001.png"
    data = file.read_bytes()
    other = file.with_name("000002.png").read_bytes()
    file.write_bytes({"truncate": data[:50], "text": b"hello", "another": other}[damage])
    with pytest.raises(FileError, match=r"000001\.png, which cannot be read .* delete it and run"):
        index.image(row)
    with pytest.raises(FileError, match=r"000001\.png"):
        index.write(
            HASH, PROMPT, 1, picture(1), record={"spec": HASH, "seed": 1}, blocked=False,
            environment="{}",
        )  # fmt: skip
    file.unlink()
    with pytest.raises(FileError, match=r"000001\.png"):
        index.image(row)
    index.forget([row])
    fill(tmp_path, range(3))
    assert file.read_bytes() == data


def test_pictures_are_copied_with_rows_and_specs(url: str, tmp_path: Path) -> None:
    fill(url, range(12))
    one, other = PictureIndex(Store(url)), Store(tmp_path / "other")
    rows = one.rows(HASH)
    one.copy(rows[:5], other)
    one.copy(rows[3:], other)
    copied = PictureIndex(other)
    assert copied.rows(HASH) == rows
    assert other.specs() == {HASH: SPEC}
    assert [copied._read(row)[0] for row in rows] == [one._read(row)[0] for row in rows]
    before = tree(tmp_path / "other")
    one.copy(rows, other)
    assert tree(tmp_path / "other") == before
    copied.forget(rows)  # as if stopped before the rows were added
    one.copy(rows, other)
    assert tree(tmp_path / "other") == before
    copied.forget(rows)
    file = next((tmp_path / "other").rglob("000003.png"))
    file.write_bytes(file.with_name("000004.png").read_bytes())
    with pytest.raises(FileError, match=r"000003\.png.* another picture"):
        one.copy(rows, other)


def test_paths_can_be_browsed_in_any_script(tmp_path: Path) -> None:
    index = PictureIndex(Store(tmp_path))
    for prompt in ("Ein Arzt, 45 Jahre!", "一位医生", "../../etc", "x" * 300):
        index.write("a" * 64, prompt, 12345, picture(1), record={}, blocked=False, environment="{}")
    found = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*.png"))
    assert all(name.startswith(f"images/{'a' * 16}/") for name in found)
    assert all(name.endswith("/012/012345.png") for name in found)
    assert [name.split("/")[2][:-9] for name in found] == [
        "ein-arzt-45-jahre", "etc", "prompt", "x" * 40,
    ]  # fmt: skip


# What is refused


@pytest.mark.parametrize("name", ["run.json", "study.json", "manifest.json", "labels.parquet"])
def test_what_the_first_edition_wrote_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(FileError, match=rf"first edition of trimtab \({name}\)"):
        Store(tmp_path)


def test_a_folder_inside_a_store_names_the_store(tmp_path: Path) -> None:
    Store(tmp_path).settle()
    page = tmp_path / "reports" / "one"
    page.mkdir(parents=True)
    (page / "summary.json").write_text("{}")
    with pytest.raises(FileError, match=rf"a folder of the store {tmp_path};.* name {tmp_path},"):
        Store(page)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": "trimtab-store", "version": 2}', "of version 2; expected .* update trimtab"),
        ('{"format": "other", "version": 1}', "of another kind"),
        ("{", "cannot be read"),
    ],
)
def test_a_later_or_foreign_store_is_refused(url: str, text: str, says: str) -> None:
    open_place(url).write("store.json", text.encode())
    with pytest.raises(FileError, match=rf"store\.json.* {says}"):
        Store(url)


def test_a_place_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(FileError, match="holds something else"):
            Store(path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    fill(tmp_path, range(2))


def test_a_spec_that_differs_is_told_with_its_entries(url: str) -> None:
    store = Store(url)
    with pytest.raises(FileError, match="without any trimtab-spec"):
        store.require_spec(SPEC)
    store.add_spec(SPEC | {"model": {"name": "far"}, "batch_size": 3})
    store.add_spec(SPEC)
    with pytest.raises(FileError, match=r"made with batch_size 10; expected batch_size 4;"):
        store.require_spec(SPEC | {"batch_size": 4})


def test_a_damaged_document_is_named(tmp_path: Path) -> None:
    name = Store(tmp_path).add_spec(SPEC)
    file = tmp_path / "specs" / f"{name}.json"
    file.write_text(file.read_text().replace("none", "some"))
    with pytest.raises(FileError, match=rf"{name}\.json, which is damaged"):
        Store(tmp_path).specs()
    for other in ("0" * 64, "../store"):
        with pytest.raises(FileError, match="without specs"):
            Store(tmp_path).spec(other)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_results_have_plain_names(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    for use in (lambda: store.save_result(name, {}), lambda: store.result(name)):
        with pytest.raises(UsageError, match="name"):
            use()
    with pytest.raises(FileError, match=r"\(there are none\)"):
        store.result("audit")


# Files


def test_a_full_disk_is_told_and_what_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "whole", range(10))
    left = iter(range(7))  # store.json, threads.json, the spec and four pictures

    def fsync(file: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(FileError, match=r"No space left .* run again; finished work is kept"):
            fill(tmp_path / "full", range(10))
    assert len(tree(tmp_path / "full")) == 7
    fill(tmp_path / "full", range(10))
    assert tree(tmp_path / "full") == tree(tmp_path / "whole")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"while writing|cannot be read|something else"):
        fill(tmp_path / "file" / "store", range(1))


# Documents


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, "\ud800"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        canonical_json({"value": value})


def test_the_order_of_entries_is_of_no_matter() -> None:
    assert document_hash({"a": 1, "b": {"c": 2, "d": 3}}) == document_hash(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )


@pytest.mark.parametrize(
    ("found", "asked", "mine", "wanted"),
    [
        ({"a": {"b": 1.0}}, {"a": {"b": 2.0}}, "a.b 1.0", "a.b 2.0"),
        ({"a": 1, "b": 2}, {"a": 2, "b": 3}, "a 1, b 2", "a 2, b 3"),
        ({"on": None}, {"on": ["doctor"]}, "on null", 'on ["doctor"]'),
        ({"p": {"n": 2}}, {"p": {"n": 2, "watch": "age"}}, "p.watch null", 'p.watch "age"'),
        ({"l": [0.5] * 60}, {"l": [0.5] * 59 + [1.5]}, "l[59] 0.5", "l[59] 1.5"),
        (
            {"terms": []},
            {"terms": [{"direction": "gender: woman", "hash": "1" * 64, "strength": 3.0}]},
            "terms none",
            "terms 3.0 gender: woman",
        ),
        (
            {"attributes": [{"name": "gender"}, {"name": "age"}]},
            {"attributes": [{"name": "gender"}]},
            "attributes gender, age",
            "attributes gender",
        ),
    ],
)
def test_differences_are_told_with_both_values(
    found: dict[str, Any], asked: dict[str, Any], mine: str, wanted: str
) -> None:
    assert list(differences(found, json.loads(json.dumps(found)))) == []
    assert told_differences(found, asked) == (mine, wanted)


def test_long_values_are_cut_where_they_differ() -> None:
    mine, wanted = told_differences({"prompt": 100 * "a" + "b"}, {"prompt": 100 * "a" + "c"})
    assert mine != wanted
    assert max(len(mine), len(wanted)) < 120
    many = {f"k{i}": i for i in range(9)}
    assert told_differences(many, {})[0].endswith("and 5 more")


@given(st.permutations(range(4)))
def test_arrays_in_any_order_of_memory_are_written_as_they_are(order: list[int]) -> None:
    array = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    strided = np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))
    assert np.array_equal(load(encode_tensors({"a": strided}, {"b": "c"}))["a"], array)
    assert encode_tensors({"a": strided}, {"b": "c"}) == encode_tensors({"a": array}, {"b": "c"})


def test_a_scratch_store_is_nobody_else_s() -> None:
    one, other = scratch_store(), scratch_store()
    one.save_result("x", {"a": 1})
    assert (one.folder, one.results(), other.results()) == (None, ["x"], [])
