"""Generation into a store: blocks are made completely, but only missing pictures are written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import torch

from trimtab.generation.batch import make_batch
from trimtab.generation.companions import keep_directions, keep_place
from trimtab.generation.images import ImageSet, stored
from trimtab.generation.job import Job
from trimtab.generation.selection import Key
from trimtab.generation.spec import record_of_picture
from trimtab.latents import blocks
from trimtab.pipelines import model_path, threads
from trimtab.storage import PictureIndex, Progress, Store
from trimtab.storage.pictures import segment_of


def make_in_store(job: Job, store: Store, progress: Progress | None) -> ImageSet:
    """Make missing pictures, and open the requested ones."""
    with threads(store.choose_threads(torch.get_num_threads())):
        for spec in job.documents.values():
            store.add_spec(spec)
        keep_directions(store, [direction for direction, _ in job.intervention.steering.terms])
        keep_place(store, job.documents.values(), model_path(job.pipe), job.facts["config"])
        _fill(job, store, progress)
    return stored(store, [_row(job, p, seed) for p in job.prompts for seed in job.seeds])


def _fill(job: Job, store: Store, progress: Progress | None) -> None:
    """Make the blocks of each prompt, and consolidate each segment after its last block."""
    index, found = PictureIndex(store), blocks(job.seeds, job.batch_size).values()
    work = [(prompt, block, _rows(job, prompt, block)) for prompt in job.prompts for block in found]
    left = Counter(segment for _, _, rows in work for segment in _segments(rows))
    first = {segment_of(*row): row for _, _, rows in work for row in rows}
    kept, done = _kept(job, index, first.values()), 0
    for prompt, block, rows in work:
        wanted = [row for row in rows if row[2] in job.each]
        done += len(wanted)
        if made := not kept.issuperset(wanted):
            _make(job, index, prompt, block, set(rows) - kept)
        for segment in _segments(rows):
            left[segment] -= 1
            if not left[segment]:
                index.finish(*first[segment])
        if made and progress is not None:
            progress(done, len(job), "generate")


def _make(job: Job, index: PictureIndex, prompt: str, block: range, missing: set[Key]) -> None:
    """Make a complete block, and write its missing pictures."""
    beside = next(job.each[seed] for seed in block if seed in job.each)
    each = [job.each.get(seed, beside) for seed in block]
    batch = make_batch(job.pipe, job.settings, prompt, block, each)
    rows = []
    for seed, image, blocked, of_picture in zip(block, *batch, strict=True):
        environment = json.dumps(job.environment(of_picture), sort_keys=True)
        row = _row(job, prompt, seed)
        if row in missing:
            record = record_of_picture(row[0], job.documents[row[0]], prompt, seed, blocked)
            rows.append(
                index.write(*row, image, record=record, blocked=blocked, environment=environment)
            )
    index.add(rows)


def _row(job: Job, prompt: str, seed: int) -> Key:
    """Return the key of a prompt and seed; seeds not requested use the first spec."""
    return job.specs.get(seed, job.specs[job.seeds[0]])[0], prompt, seed


def _rows(job: Job, prompt: str, block: range) -> list[Key]:
    """Return the keys of a block to keep: all, unless strengths differ from seed to seed."""
    alike = len(job.documents) == 1
    return [_row(job, prompt, seed) for seed in block if alike or seed in job.each]


def _segments(rows: Iterable[Key]) -> set[str]:
    return {segment_of(*row) for row in rows}


def _kept(job: Job, index: PictureIndex, segments: Iterable[Key]) -> set[Key]:
    """Return the rows whose pictures exist; rows without files are removed."""
    kept: set[Key] = set()
    seeds: dict[tuple[str, str], list[int]] = {}
    for spec, prompt, seed in segments:
        seeds.setdefault((spec, prompt), []).append(seed)
    for (spec, prompt), ours in seeds.items():
        rows = {row.seed: row for row in index.rows(spec, prompt)}
        files = set().union(*(index.present(spec, prompt, seed) for seed in ours))
        shards = {segment_of(spec, prompt, seed) for seed in ours}
        gone = [
            row
            for seed, row in rows.items()
            if seed not in files and segment_of(spec, prompt, seed) in shards
        ]
        index.forget(gone)
        kept |= {(spec, prompt, seed) for seed in rows.keys() & files}
    return kept
