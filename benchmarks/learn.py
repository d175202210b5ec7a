"""Measure the cost of learning: `capture` and a fit against the paper's reference procedure.

That procedure, reimplemented here from its description, reloads the pipeline for every image, runs
all steps and the decoder, writes ten pickles per image, and fits a linear SVM on the raw vectors of
a random 60 % of the images at each of the ten steps. Ours captures at the steps of the demo and
does what the demo does with them: accuracy at every step, choice of a step, fit. Both use the same
model, seeds, number of images, dtype and machine, and alternate in one process. The figure is the
median over the rounds.

The gain is broken down by removing one cost after another, in this order: reloading the pipeline,
continuing after the step that is learned at (with decoding and pickles), running one image at a
time, and fitting on raw vectors. Each factor is a ratio of total times; their product is the gain.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.svm import SVC

import trimtab as tt
from common import arguments, finish, load
from trimtab.interventions import accuracy_by_step, choose_step
from trimtab.latents import CAPTURE_SEEDS, noise
from trimtab.pipelines import (
    RunSettings,
    family_of,
    latent_spec,
    load_model,
    model_name,
    model_path,
)
from trimtab.workflows.plan import capture_steps

KEPT = 10  # steps of a run that the reference code keeps
TRAIN = 0.6  # share of the images that it uses for the fit
SPEED_BAR, BYTES_BAR, COSINE_BAR = 8.0, 5.0, 0.99


class Clock:
    """Adds up seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + passed


@dataclass
class Reference:
    """The reference code's procedure: two prompts, n images each, from the given seeds."""

    path: str
    dtype: Any
    device: Any
    settings: RunSettings
    folder: Path
    step: int  # completed steps after which its rows are compared with ours
    clock: Clock = field(default_factory=Clock)

    def capture(self, prompts: list[str], seeds: list[int]) -> np.ndarray:
        """Write the pickles; return the rows after `step` steps, shape (2n, d)."""
        rows = []
        for label, prompt in enumerate(prompts):
            for seed in seeds:
                with self.clock("load"):
                    pipe = load_model(self.path, device=str(self.device), dtype=self.dtype)
                    pipe.set_progress_bar_config(disable=True)
                with self.clock("generate"):
                    rows.append(self._image(pipe, prompt, seed, f"{label}-{seed}"))
        return np.stack(rows)

    def _image(self, pipe: Any, prompt: str, seed: int, name: str) -> np.ndarray:
        spec = latent_spec(pipe, height=self.settings.height, width=self.settings.width)
        for _ in range(2):  # it draws the noise twice and uses the second draw
            start = noise(spec, [seed])
        total = self.settings.num_inference_steps or 0
        keep = {number * total // KEPT for number in range(KEPT)}
        row: list[np.ndarray] = []

        def keep_latents(pipe: Any, call: int, timestep: Any, tensors: Any) -> dict[str, Any]:
            latents = tensors["latents"].cpu().numpy()
            if call in keep:
                with (self.folder / f"{name}-{call}.pkl").open("wb") as file:
                    pickle.dump(latents, file)
            if call == self.step - 1:  # it calls the latent after one step "step 0"
                row.append(latents.ravel().astype(np.float32))
            return {}

        pipe(
            **self.settings.to_dict(),
            prompt=prompt,
            latents=family_of(pipe).pack(start).to(spec.device, spec.dtype),
            callback_on_step_end=keep_latents,
            callback_on_step_end_tensor_inputs=["latents"],
        )
        return row[0]

    def fit(self) -> None:
        """Read the pickles and fit an SVM at each of the ten steps."""
        with self.clock("fit"):
            calls: dict[int, list[Path]] = {}
            for file in sorted(self.folder.glob("*.pkl")):
                calls.setdefault(int(file.stem.rsplit("-", 1)[1]), []).append(file)
            for files in calls.values():
                rows = np.stack([pickle.loads(file.read_bytes()).ravel() for file in files])
                labels = np.array([file.name.startswith("0-") for file in files])
                random_split_svm(rows.astype(np.float64), labels)


def random_split_svm(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fit on a random 60 % of the rows, ignoring pairs, score the rest; return the unit normal."""
    order = np.random.default_rng(0).permutation(len(rows))
    train, test = np.split(order, [round(TRAIN * len(rows))])
    machine = SVC(kernel="linear").fit(rows[train], labels[train])
    machine.score(rows[test], labels[test])
    return unit(machine.coef_[0])


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def main() -> int:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--attribute", default="gender", help="an attribute with two groups")
    parser.add_argument("--n", type=int, default=50, help="images per group")
    parser.add_argument("--step", type=int, default=6, help="the step to learn at")
    parser.add_argument("--steps", type=int, nargs="+", help="steps to keep; default: the demo's")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both procedures")
    parser.add_argument("--inference-steps", type=int, help="default: the model's")
    options = parser.parse_args()

    pipe = load(options.model)
    path = model_path(pipe) or parser.error("got a model that was not loaded from a folder")
    spec = latent_spec(pipe)
    settings = RunSettings(num_inference_steps=options.inference_steps).resolve(pipe)
    attribute = tt.attribute(options.attribute)
    towards, against = attribute.names
    prompts = [texts[0] for texts in attribute.prompts().values()]
    seeds = list(CAPTURE_SEEDS[: options.n])
    kept = options.steps or capture_steps(settings.num_inference_steps or 0)
    steps = sorted({*kept, options.step})

    def capture(folder: Path, seeds: list[int], **batch: int) -> tt.LatentSamples:
        return tt.capture(
            pipe,
            attribute,
            seeds,
            steps,
            to=folder,
            num_inference_steps=options.inference_steps,
            **batch,
        )

    def procedure(folder: Path) -> Reference:
        folder.mkdir()
        return Reference(path, spec.dtype, spec.device, settings, folder, options.step)

    def theirs(folder: Path) -> tuple[dict[str, float], np.ndarray]:
        reference = procedure(folder)
        rows = reference.capture(prompts, seeds)
        reference.fit()
        return reference.clock.seconds, rows

    def ours(folder: Path) -> tuple[dict[str, float], tt.LatentSamples]:
        clock = Clock()
        with clock("capture"):
            samples = capture(folder, seeds)
        with clock("fit"):
            estimator = tt.SVMDirection(towards=towards)
            step = choose_step(accuracy_by_step(samples, estimator))
            estimator.set_params(step=step).fit(samples)
        return clock.seconds, samples

    spent: list[tuple[dict[str, float], dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Warm up both procedures: first calls are slow.
        procedure(folder / "warm").capture(prompts, seeds[:1])
        capture(folder / "warm ours", seeds[:8])
        for number in range(options.rounds):
            places = folder / f"{number} theirs", folder / f"{number} ours"
            if number % 2:
                mine, samples = ours(places[1])
                reference, rows = theirs(places[0])
            else:
                reference, rows = theirs(places[0])
                mine, samples = ours(places[1])
            spent.append((reference, mine))
        bytes_ = {"reference": size(places[0]), "ours": size(places[1])}
        clock = Clock()
        with clock("capture one by one"):  # only for the breakdown of the gain
            capture(folder / "one", seeds, batch_size=1)
    fit = tt.SVMDirection(step=options.step, towards=towards).fit(samples)

    normal = unit(fit.direction_.array.ravel().astype(np.float64))
    labels = np.repeat([True, False], len(seeds))
    data = samples.latents(options.step)
    same = np.concatenate([data[towards], data[against]]).reshape(len(labels), -1).astype(float)
    raw = SVC(kernel="linear").fit(same, labels).coef_[0]
    own = SVC(kernel="linear").fit(rows.astype(float), labels).coef_[0]
    cosine = {
        "same rows": float(normal @ unit(raw)),
        "same seeds, each its own capture": float(normal @ unit(own)),
        "its random 60 % split": float(normal @ random_split_svm(same, labels)),
    }

    reference = {name: median(one[name] for one, _ in spent) for name in spent[0][0]}
    mine = {name: median(one[name] for _, one in spent) for name in spent[0][1]}
    totals = [
        ("reference", sum(reference.values())),
        ("reload", reference["generate"] + reference["fit"]),
        ("early stop", clock.seconds["capture one by one"] + reference["fit"]),
        ("batching", mine["capture"] + reference["fit"]),
        ("fit", mine["capture"] + mine["fit"]),
    ]
    gain = {name: round(last / this, 3) for (_, last), (name, this) in pairwise(totals)}
    speed_ups = [sum(one.values()) / sum(other.values()) for one, other in spent]
    speed_up = median(speed_ups)
    figures = {
        "benchmark": "learn",
        "model": model_name(pipe),
        "attribute": attribute.name,
        "n": options.n,
        "latents": list(spec.shape),
        "dtype": str(spec.dtype).removeprefix("torch."),
        "num_inference_steps": settings.num_inference_steps,
        "step": options.step,
        "steps": steps,
        "rounds": options.rounds,
        "reference_seconds": {name: round(value, 3) for name, value in reference.items()},
        "our_seconds": {name: round(value, 3) for name, value in mine.items()},
        "speed_up": round(speed_up, 2),
        "speed_up_range": [round(min(speed_ups), 2), round(max(speed_ups), 2)],
        "gain": gain,
        "bytes": bytes_,
        "bytes_ratio": round(bytes_["reference"] / bytes_["ours"], 2),
        "cosine": {name: round(value, 5) for name, value in cosine.items()},
    }
    bars = {
        f"speed-up >= {SPEED_BAR}": speed_up >= SPEED_BAR,
        f"bytes ratio >= {BYTES_BAR}": bytes_["reference"] >= BYTES_BAR * bytes_["ours"],
        f"cosine on the same rows >= {COSINE_BAR}": cosine["same rows"] >= COSINE_BAR,
    }
    return finish(figures, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
