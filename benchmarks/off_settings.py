"""Measure whether a direction holds away from the settings that it was learned at.

    python benchmarks/off_settings.py runs/off-settings

Learns a direction at the model's defaults, then changes one setting at a time: the guidance scale,
the number of steps, the scheduler. At each, it compares the shares of plain and steered pictures on
the same seeds, at one strength, and learns the direction anew, after the same fraction of the run.
A stopped run can be continued.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers

import trimtab as tt
from common import arguments, finish, load
from trimtab.concepts import prompt_for
from trimtab.drawing import Table
from trimtab.generation import OtherSettingsWarning
from trimtab.interventions import Direction
from trimtab.pipelines import RunSettings
from trimtab.recognition import recogniser_for
from trimtab.statistics import Dose, wilson
from trimtab.storage import Store
from trimtab.workflows.concept_rule import ConceptRule
from trimtab.workflows.readings import Reader

HEAD = ("setting", "plain", "steered", "95 % interval", "concept kept", "cosine", "learned anew")


@dataclass(frozen=True)
class Setting:
    """One change from the model's defaults."""

    name: str
    run: dict[str, Any] = field(default_factory=dict)
    scheduler: str | None = None


def all_settings(options: Any) -> Iterator[Setting]:
    """Yield the defaults, then each change."""
    yield Setting("defaults")
    for scale in options.guidance_scales:
        yield Setting(f"guidance scale {scale:g}", {"guidance_scale": scale})
    for steps in options.steps:
        yield Setting(f"{steps} steps", {"num_inference_steps": steps})
    for name in options.schedulers:
        yield Setting(name, scheduler=f"{name}Scheduler")


@contextmanager
def scheduled(pipe: Any, name: str | None) -> Iterator[None]:
    """Give the pipeline another scheduler with the same configuration for a while."""
    own = pipe.scheduler
    if name is not None:
        # DDIM would clip latents to ±1 unless told otherwise, as model folders that use it do.
        config = {"clip_sample": False, **own.config}
        pipe.scheduler = getattr(diffusers, name).from_config(config)
    try:
        yield
    finally:
        pipe.scheduler = own


@dataclass(frozen=True)
class Bench:
    """A model with everything that does not change from setting to setting."""

    pipe: Any
    store: Store
    reader: Reader
    options: Any

    @property
    def role(self) -> Any:
        """Who judges: the oracle, if the model has one."""
        return "recogniser" if self.reader.oracle is None else "oracle"

    def learned(self, run: dict[str, Any], fraction: float | None) -> tuple[Direction, float]:
        """Return a direction learned at some settings, and after which fraction of the run."""
        total = RunSettings(**run).resolve(self.pipe).num_inference_steps or 0
        steps = None if fraction is None else [max(1, round(fraction * total))]
        found = tt.learn(
            self.pipe,
            self.options.attribute,
            towards=self.options.towards,
            on=self.options.concept,
            n=self.options.n_learn,
            steps=steps,
            to=self.store,
            **run,
        )
        return found.direction, found.learned.step / total

    def dose(self, run: dict[str, Any], direction: Direction, strength: float) -> Dose:
        """Return the counts of pictures at a strength."""
        prompt = prompt_for(self.options.concept)
        seeds = range(self.options.n)
        with warnings.catch_warnings():  # it is what is measured here
            warnings.simplefilter("ignore", OtherSettingsWarning)
            images = tt.generate(
                self.pipe, prompt, seeds, strength * direction, to=self.store, **run
            )
        reading = self.reader(images, [prompt])
        towards = str(direction.provenance["towards"])
        return reading.dose(strength, self.options.attribute, towards, self.role)


def measured(bench: Bench, setting: Setting, direction: Direction, fraction: float) -> list[Any]:
    """Return the figures of a setting, in the order of `HEAD`."""
    with scheduled(bench.pipe, setting.scheduler):
        plain = bench.dose(setting.run, direction, 0)
        steered = bench.dose(setting.run, direction, bench.options.strength)
        anew, _ = bench.learned(setting.run, fraction)
        own = bench.dose(setting.run, anew, bench.options.strength)
    interval = wilson(steered.towards, steered.known)
    return [
        setting.name, plain.share, steered.share, [interval.low, interval.high],
        steered.kept / steered.n, direction.cosine(anew), own.share,
    ]  # fmt: skip


def main() -> int:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="store to write to")
    parser.add_argument("--attribute", default="gender")
    parser.add_argument("--towards", help="group to point to; the first of two groups if unset")
    parser.add_argument("--concept", default="doctor", help="concept to learn and to measure on")
    parser.add_argument("--strength", type=float, default=3.0)
    parser.add_argument("--n", type=int, default=100, help="pictures of each set")
    parser.add_argument("--n-learn", type=int, default=50, help="seeds a group to learn from")
    parser.add_argument("--guidance-scales", type=float, nargs="*", default=[3.0, 7.5])
    parser.add_argument("--steps", type=int, nargs="*", default=[10, 50])
    parser.add_argument(
        "--schedulers",
        nargs="*",
        default=["DDIM", "EulerDiscrete", "UniPCMultistep"],
        help="names in diffusers, without Scheduler",
    )
    options = parser.parse_args()
    pipe, store = load(options.model), Store(options.store)
    one = tt.attribute(options.attribute)
    oracle = tt.townsfolk.judge if options.model == "townsfolk" else None
    looking = recogniser_for(tt.generate(pipe, prompt_for(options.concept), [0], to=store))
    bench = Bench(pipe, store, Reader([one], looking, store, ConceptRule([one]), oracle), options)
    direction, fraction = bench.learned({}, None)
    rows = []
    for setting in all_settings(options):
        rows.append(measured(bench, setting, direction, fraction))
        print("measured", ", ".join(map(_shown, rows[-1])), file=sys.stderr, flush=True)
    print(Table(_caption(direction, options), HEAD, [list(map(_shown, row)) for row in rows]))
    figures = {row[0]: dict(zip(HEAD[1:], row[1:], strict=True)) for row in rows}
    return finish({"benchmark": "off_settings", "figures": figures}, {}, options.out)


def _caption(direction: Direction, options: Any) -> str:
    towards = direction.provenance["towards"]
    return (
        f"Share of {towards} in {options.n} pictures of {options.concept}, plain and steered by "
        f"{options.strength:g} σ; cosine with a direction learned anew at the setting, and the "
        "share steered by that"
    )


def _shown(cell: Any) -> str:
    if isinstance(cell, list):
        return " to ".join(map(_shown, cell))
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    sys.exit(main())
