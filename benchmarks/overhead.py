"""Measure the cost of steering: time of steered generation ÷ time of plain generation.

Three variants alternate in one process with the same seeds: plain `generate`, steered `generate`,
and the bare pipeline with `generator=`, as without trimtab. Each round starts with another variant,
so that a machine that slows down or speeds up favours none. The figure is the median of steered ÷
plain, and of steered ÷ bare, over the rounds, with a percentile bootstrap interval. CPU time, which
a busy machine disturbs less than wall-clock time, is also reported. So is the least disturbed
figure, steered ÷ the pipeline's own call inside it, since both belong to the same moment.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np
import torch

import trimtab as tt
from common import arguments, finish, load
from trimtab.pipelines import RunSettings, latent_spec, model_name

BAR = 1.01


def bootstrap_median(values: np.ndarray, *, draws: int = 10_000) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a median."""
    picks = np.random.default_rng(0).integers(0, len(values), (draws, len(values)))
    low, high = np.percentile(np.median(values[picks], axis=1), [2.5, 97.5])
    return float(low), float(high)


def ratio(over: np.ndarray, under: np.ndarray) -> dict[str, Any]:
    """Return the median ratio over the rounds, with its interval and quartiles."""
    ratios = over / under
    return {
        "median": round(float(np.median(ratios)), 5),
        "interval": [round(limit, 5) for limit in bootstrap_median(ratios)],
        "quartiles": [round(float(q), 5) for q in np.percentile(ratios, [25, 75])],
    }


@contextlib.contextmanager
def timed_calls(kind: Any) -> Iterator[list[float]]:
    """Collect the seconds of each call of a pipeline class."""
    own, found = kind.__call__, list[float]()

    @functools.wraps(own)
    def timed(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = own(*args, **options)
        found.append(time.perf_counter() - start)
        return result

    kind.__call__ = timed
    try:
        yield found
    finally:
        kind.__call__ = own


def main() -> int:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--prompt", default="a photo of a doctor")
    parser.add_argument("--pairs", type=int, default=200, help="rounds, at least 30")
    parser.add_argument("--images", type=int, default=4, help="images per run, in one batch")
    parser.add_argument("--inference-steps", type=int, help="default: the model's")
    options = parser.parse_args()
    if options.pairs < 30:
        parser.error(f"got {options.pairs} pairs; expected at least 30")

    pipe = load(options.model)
    pipe.set_progress_bar_config(disable=True)
    direction = tt.Direction.random(latent_spec(pipe), seed=0)
    seeds = range(options.images)
    settings = RunSettings(num_inference_steps=options.inference_steps).resolve(pipe)

    def generate(steer: Any) -> Any:
        return tt.generate(
            pipe,
            options.prompt,
            seeds,
            steer,
            num_inference_steps=options.inference_steps,
            batch_size=options.images,
        )

    def bare() -> Any:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        prompts = [options.prompt] * options.images
        return pipe(prompts, generator=generators, **settings.to_dict()).images

    ways: dict[str, Callable[[], Any]] = {
        "plain": lambda: generate(None),
        "steered": lambda: generate(5 * direction),
        "bare": bare,
    }

    def seconds(way: str) -> tuple[float, float]:
        gc.collect()
        start, work = time.perf_counter(), time.process_time()
        assert len(ways[way]()) == options.images
        return time.perf_counter() - start, time.process_time() - work

    for way in ways:
        seconds(way)  # warm up
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    orders = list(permutations(ways))
    inside: list[float] = []
    with timed_calls(type(pipe)) as calls:
        for number in range(options.pairs):
            for way in orders[number % len(orders)]:
                times[way].append(seconds(way))
                if way == "steered":
                    inside.append(calls[-1])

    wall = {way: np.array(found)[:, 0] for way, found in times.items()}
    work = {way: np.array(found)[:, 1] for way, found in times.items()}
    figures = {
        "benchmark": "overhead",
        "model": model_name(pipe),
        "pairs": options.pairs,
        "images": options.images,
        "num_inference_steps": settings.num_inference_steps,
        "seconds": {way: round(float(np.median(found)), 4) for way, found in wall.items()},
        "steered_over_plain": ratio(wall["steered"], wall["plain"]),
        "steered_over_bare": ratio(wall["steered"], wall["bare"]),
        "steered_over_its_own_call": ratio(wall["steered"], np.array(inside)),
        "processor_time": {
            "steered_over_plain": ratio(work["steered"], work["plain"]),
            "steered_over_bare": ratio(work["steered"], work["bare"]),
        },
    }
    bars = {
        f"upper limit of steered ÷ {other.replace('_', ' ')} <= {BAR}": (
            figures[f"steered_over_{other}"]["interval"][1] <= BAR
        )
        for other in ("plain", "bare", "its_own_call")
    }
    return finish(figures, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
