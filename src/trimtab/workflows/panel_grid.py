"""The grid of a panel: directions of several steps at several weights, on the same seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trimtab.interventions import Intervention, MeanDifference, Steering
from trimtab.latents import capture
from trimtab.statistics import Estimate, explained
from trimtab.workflows.directions import Fitted, disentangled
from trimtab.workflows.panel_records import Grid, GridShare
from trimtab.workflows.readings import Reading
from trimtab.workflows.study import Study


def grid_of(
    study: Study,
    towards: Mapping[str, str],
    parts: Sequence[float],
    weights: Sequence[float],
    n: int,
) -> Grid:
    """Return the shares and the concept at every step and weight.

    Parameters
    ----------
    study : Study
        The panel's mitigation.
    towards : mapping of str to str
        The group moved to, by attribute.
    parts : sequence of float
        Parts of the run after which to learn, above 0 to 1.
    weights : sequence of float
        Strengths in standard deviations of the noise.
    n : int
        Pictures per cell.
    """
    plan, run = study.plan, study.settings["num_inference_steps"]
    steps = sorted({max(1, round(part * run)) for part in parts})
    seeds = plan.grid_seeds(n)
    plain = study.read("grid, plain", Intervention(), seeds)
    directions = _by_step(study, towards, steps)
    cells: dict[tuple[int, float], Reading] = {}
    for step in steps:
        for weight in weights:
            steering = Steering((one.direction, weight) for one in directions[step])
            what = f"grid, step {step}, weight {weight:g}"
            cells[step, weight] = study.read(what, Intervention(steering), seeds)
    return Grid(
        tuple(steps),
        tuple(weights),
        (seeds.start, seeds.stop),
        tuple(_share(plain, cells, steps, weights, *one) for one in towards.items()),
    )


def _by_step(
    study: Study, towards: Mapping[str, str], steps: Sequence[int]
) -> dict[int, list[Fitted]]:
    """Return the directions of all attributes by step, as a mitigation would apply them."""
    plan, found = study.plan, {step: list[Fitted]() for step in steps}
    for one in plan.steered:
        samples = capture(
            study.pipe,
            one,
            plan.capture_seeds,
            steps,
            on=list(plan.contrast),
            to=study.store,
            progress=study.progress and study.named(f"capture {one.name} for the grid"),
            **study.settings,
        )
        for step in steps:
            fitted = MeanDifference(step=step, towards=towards[one.name]).fit(samples)
            found[step].append(
                Fitted(fitted.direction_, fitted, step, (), plan.capture_seeds, plan.contrast)
            )
    return {step: disentangled(some, local=plan.local) for step, some in found.items()}


def _share(
    plain: Reading,
    cells: Mapping[tuple[int, float], Reading],
    steps: Sequence[int],
    weights: Sequence[float],
    attribute: str,
    towards: str,
) -> GridShare:
    parts: tuple[Estimate | None, ...] = (None, None, None)
    if len(steps) > 1 and len(weights) > 1:
        shown = [[_shown(cells[step, w], attribute, towards) for w in weights] for step in steps]
        parts = explained(np.array(shown))
    return GridShare(
        attribute,
        towards,
        plain.dose(0.0, attribute, towards),
        tuple(
            tuple(cells[step, weight].dose(weight, attribute, towards) for weight in weights)
            for step in steps
        ),
        *parts,
    )


def _shown(reading: Reading, attribute: str, towards: str) -> np.ndarray:
    """Return 1 for each picture of the group, 0 for others, NaN for unknown, shape (n,)."""
    labels = reading.sights["recogniser"].observations.labels(attribute)
    return np.where(labels.known, labels.codes == labels.groups.index(towards), np.nan)
