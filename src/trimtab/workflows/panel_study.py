"""Running panels: for each, a mitigation, a grid and, if asked for, an adjustment of the prompt.

As in a mitigation, every decision uses the recogniser on capture and calibration seeds.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from trimtab.concepts import Target
from trimtab.concepts.panels import SETTINGS, Panel, Panels, panels_from
from trimtab.concepts.prompts import FRAMES
from trimtab.drawing.words import spaced
from trimtab.errors import UsageError
from trimtab.generation import ImageSet, OtherSettingsWarning
from trimtab.interventions import EmbeddingShift, Intervention, Steering
from trimtab.latents import CALIBRATION_SEEDS
from trimtab.pipelines import family_of, model_path
from trimtab.recognition import recogniser_for
from trimtab.recognition.protocol import recogniser_name
from trimtab.statistics import Response
from trimtab.storage import Progress, Store, as_store, document_hash
from trimtab.workflows.noise_sensitivity import sensitivity
from trimtab.workflows.panel_comparisons import added_of, carried, transfers_of
from trimtab.workflows.panel_grid import grid_of
from trimtab.workflows.panel_progress import Overall
from trimtab.workflows.panel_records import Adjusted, Elsewhere, PanelOutcome
from trimtab.workflows.panels_result import PanelsResult
from trimtab.workflows.plan import Plan
from trimtab.workflows.readings import Oracle
from trimtab.workflows.response import DoseResponse
from trimtab.workflows.result import slug
from trimtab.workflows.sensitivity_result import SensitivityResult
from trimtab.workflows.study import ADJUSTED, Study

EVEN = 0.10  # a plain share this close to equal is moved on, to
MOVED_ON = 0.8  # of the group that the panel names
SHIFTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # strengths of an adjustment, of the whole difference
OPTIONS = {one.name for one in fields(Plan) if one.init} - {
    "prompts", "attributes", "target", "on", "concepts", "watch", "adjust", "n",
}  # fmt: skip
PART = 0.5  # of its strength alone that an adjustment has together with a direction


def run_panels(
    pipe: Any,
    panels: Panels | str | os.PathLike[str] = "paper",
    *,
    to: Store | str | Path,
    n: int = 200,
    n_grid: int = 24,
    n_transfer: int | None = None,
    n_sensitivity: int = 50,
    recogniser: Any = None,
    device: str = "auto",
    oracle: Oracle | None = None,
    progress: Progress | None = None,
    keep: bool = True,
    **options: Any,
) -> PanelsResult:
    """Run panels: move the rarer group of each prompt to its target, and measure what that takes.

    A panel targets equal shares of whichever group its model shows too rarely on calibration seeds.
    If the shares are within 0.10 of that already, it goes on to 0.8 of the group that it names. A
    rerun resumes where an earlier one stopped.

    Parameters
    ----------
    pipe : diffusers.DiffusionPipeline
        Any pipeline whose family is in the table.
    panels : Panels, str or path
        A list of panels, or its name or file, as in `trimtab.concepts.panels_from`.
    to : Store, str or Path
        Where to store everything.
    n : int
        Audit pictures of each set.
    n_grid : int
        Pictures of each cell of the grid.
    n_transfer : int
        Pictures of each cell of the transfer table, and of each other setting at which the first
        panel's mitigation is tried; at most `n`, 0 for none. Default 100, or `n` if that is less.
    n_sensitivity : int
        Seeds, under eight paraphrases of the first panel's prompt, to tell whether the pictures
        follow their noise; at least 2, or 0 for none. Prompts that do not begin like "a photo of"
        have no paraphrases.
    keep : bool
        Whether to store the result; otherwise only its parts are, as with several processes.
    recogniser, device, oracle, progress
        As in `mitigate`.
    **options
        Other settings of `Plan`, except what the panels decide. Those of the run take precedence
        over the panels' own.

    Returns
    -------
    PanelsResult
        Every panel with its mitigation.

    Raises
    ------
    UsageError, FileError, ModelError
        As in `panels_from` and `mitigate`.
    """
    listed = panels if isinstance(panels, Panels) else panels_from(panels)
    n_transfer = min(100, n) if n_transfer is None else n_transfer
    many = len(CALIBRATION_SEEDS) // 10
    for name, number, allowed in (
        ("n_grid", n_grid, range(2, many + 1)),
        ("n_transfer", n_transfer, range(n + 1)),
        ("n_sensitivity", n_sensitivity, (0, *range(2, many + 1))),
    ):
        if not isinstance(number, int) or number not in allowed:
            raise UsageError(
                got=f"{name}={number!r}",
                expected=f"a whole number from {min(allowed)} to {max(allowed)}",
                do="choose another number",
            )
    if strange := sorted(set(options) - OPTIONS):
        raise UsageError(
            got=f"{strange[0]}= for panels",
            expected=f"only {', '.join(sorted(OPTIONS))}",
            do="leave it out, or write it into the panels",
        )
    given = {k: v for k, v in options.items() if v is not None or k not in SETTINGS}
    run = _Run(
        pipe,
        listed,
        {"n": n, "generic": True, **dict(listed.settings), **given},
        as_store(to),
        recogniser_for(ImageSet([], [], model_path=model_path(pipe)), recogniser, device=device),
        oracle,
        progress,
        {"grid": n_grid, "transfer": n_transfer, "sensitivity": n_sensitivity},
    )
    found = run.run()
    return found.save(run.store) if keep else found


class _Run:
    def __init__(
        self,
        pipe: Any,
        listed: Panels,
        options: Mapping[str, Any],
        store: Store,
        recogniser: Any,
        oracle: Oracle | None,
        progress: Progress | None,
        sizes: Mapping[str, int],
    ) -> None:
        self.pipe, self.listed, self.options, self.store = pipe, listed, dict(options), store
        self.recogniser, self.oracle = recogniser, oracle
        self.sizes = dict(sizes)
        self.studies: list[Study] = []
        # All plans are checked before the first picture.
        self.plans = [self.plan(panel) for panel in listed.panels]
        self.planned = sum(map(self.cost, listed.panels, self.plans)) + self._compared()
        self.overall = None if progress is None else Overall(progress, self.planned)

    def run(self) -> PanelsResult:
        done = []
        for panel, plan in zip(self.listed.panels, self.plans, strict=True):
            done.append(self.panel(panel, plan))
            if self.overall is not None:
                self.overall.passed(self.cost(panel, plan))
        added = tuple(one for some in done for one in added_of(*some))
        n = self.sizes["transfer"]
        transfers = tuple(transfers_of(done, n)) if n else ()
        outcomes = tuple(outcome for _, outcome in done)
        elsewhere = tuple(self.elsewhere(outcomes[0], n)) if n else ()
        first = outcomes[0].mitigation
        parts = [
            [one.title, one.mitigation.name, *_with_adjustment(one.adjusted)] for one in outcomes
        ]
        identity = document_hash(
            {
                "panels": parts,
                "sizes": self.sizes,
                "grid": [*self.listed.steps, *self.listed.weights],
            }
        )
        sensitive, why = self.sensitive()
        notes = [line for one in outcomes for line in one.mitigation.note.splitlines()]
        notes += [why] if why else []
        return PanelsResult(
            name=f"{slug(self.listed.name)}-{identity[:8]}",
            model=first.model,
            settings=first.settings,
            note="\n".join(dict.fromkeys(notes)),
            panels=outcomes,
            added=added,
            transfers=transfers,
            elsewhere=elsewhere,
            sensitivity=sensitive,
            recogniser=recogniser_name(self.recogniser),
            planned=self.planned,
            made=len(set().union(*(one.made for one in self.studies))),
        )

    # One panel

    def plan(self, panel: Panel, **changed: Any) -> Plan:
        return Plan(
            panel.prompt,
            panel.attributes,
            on=panel.on or None,
            concepts=panel.concepts,
            watch=panel.watch,
            **self.options | changed,
        )

    def study(self, plan: Plan) -> Study:
        found = Study(self.pipe, plan, self.store, self.recogniser, self.oracle, self.overall)
        self.studies.append(found)
        return found

    def panel(self, panel: Panel, plan: Plan) -> tuple[Study, PanelOutcome]:
        study = self.study(plan)
        even = self.even(panel, study)
        if even:
            moved_on = {one.name: _moved_on(panel, one.name) for one in panel.attributes
                        if one.name in even}  # fmt: skip
            study = self.study(self.plan(panel, target=moved_on))
        result = study.run()
        towards = {one.learned.attribute: one.learned.towards for one in result.attributes}
        grid = grid_of(study, towards, self.listed.steps, self.listed.weights, self.sizes["grid"])
        adjusted = self.adjusted(study, towards) if panel.adjust else None
        return study, PanelOutcome(
            panel.title, panel.prompt, dict(panel.towards), even, result, grid, adjusted
        )

    def even(self, panel: Panel, study: Study) -> tuple[str, ...]:
        """Return the attributes whose plain shares on calibration seeds are nearly equal."""
        plain = study.steered("calibrate plain", Steering(), study.plan.calibration_seeds())
        shares = {
            one.name: plain.dose(0.0, one.name, panel.towards[one.name]).share
            for one in study.plan.steered
        }
        return tuple(name for name, share in shares.items() if abs(share - 0.5) <= EVEN)

    def adjusted(self, study: Study, towards: Mapping[str, str]) -> Adjusted:
        """Move the panel by a shift of its prompt's embeddings, alone and with the direction."""
        plan, ((attribute, group),) = study.plan, towards.items()
        target, where = plan.targets[attribute][group], _where(self.pipe)
        shift: Any = EmbeddingShift.between(
            plan.steered[0], group, on=plan.contrast[0], where=where
        ).bound(self.pipe)
        readings = {0.0: study.read("calibrate plain", Intervention(), plan.calibration_seeds())}
        for number, strength in enumerate(SHIFTS, start=1):
            what, does = f"adjustment at {strength:g}", Intervention(None, strength * shift)
            readings[strength] = study.read(what, does, plan.calibration_seeds(number))
        doses = [one.dose(strength, attribute, group) for strength, one in readings.items()]
        response = DoseResponse(doses)
        strength, limited = response.choose(target)
        chosen = study.decided(
            "adjustment strength", lambda: {"strength": round(strength, 2), "limited_by": limited}
        )
        does = Intervention(None, chosen["strength"] * shift).acting()
        plain = study.read("plain", Intervention(), plan.audit_seeds)
        alone = study.read(ADJUSTED, does, plan.audit_seeds)
        both = None
        if chosen["strength"]:
            halved = PART * chosen["strength"] * shift
            other = self.study(replace(plan, adjust=halved, generic=False, controls=0))
            both = other.run()
        judged = tuple(
            one.dose(strength, attribute, group, "oracle")
            for strength, one in readings.items()
            if "oracle" in one.sights and attribute in one.sights["oracle"].attributes
        )
        return Adjusted(
            where,
            Response(target, response.doses, judged, response.curve(), response.least_kept,
                     response.limit),
            chosen["strength"],
            chosen["limited_by"],
            study.arm(ADJUSTED, "adjusted", None, does, alone, plain),
            both,
        )  # fmt: skip

    # The first panel

    def elsewhere(self, first: PanelOutcome, n: int) -> Iterator[Elsewhere]:
        """Yield the effect of the first panel's mitigation at other settings."""
        result, panel = first.mitigation, self.listed.panels[0]
        for setting, usual, changed in _other_settings(result.settings):
            study = self.study(self.plan(panel, **{setting: changed}))
            seeds, at = study.plan.audit_seeds[:n], f"at {spaced(setting)} {changed:g}"
            plain = study.read(f"plain {at}", Intervention(), seeds)
            with warnings.catch_warnings():  # it is what is measured here
                warnings.simplefilter("ignore", OtherSettingsWarning)
                steered = study.read(f"steered {at}", result.intervention, seeds)
            for one in result.attributes:
                yield Elsewhere(
                    first.title,
                    setting,
                    usual,
                    changed,
                    one.learned.attribute,
                    one.learned.towards,
                    tuple(carried(plain, steered, one)),
                )

    def sensitive(self) -> tuple[SensitivityResult | None, str]:
        """Return whether the pictures of the first panel follow their noise, or why not known."""
        n, plan, first = self.sizes["sensitivity"], self.plans[0], self.listed.panels[0]
        if not n:
            return None, ""
        run = {name: getattr(plan, name) for name in (*SETTINGS, "batch_size")}
        try:
            found = sensitivity(
                self.pipe,
                first.prompt,
                first.attributes,
                n=n,
                exchanged=min(10, n),
                to=self.store,
                recogniser=self.recogniser,
                progress=self.overall,
                **run,
            )
        except UsageError as error:  # the panels themselves are done
            return None, f"Whether the pictures follow their noise is not known: got {error.got}."
        return found, ""

    def cost(self, panel: Panel, plan: Plan) -> int:
        """Return the largest number of pictures of a panel."""
        cells = 1 + len(self.listed.steps) * len(self.listed.weights)
        found = plan.pictures + cells * self.sizes["grid"]
        if panel.adjust:
            shifts = len(SHIFTS) * len(plan.calibration_seeds(1))
            found += shifts + plan.n + replace(plan, controls=0, generic=False).pictures + plan.n
        return found

    def _compared(self) -> int:
        """Return the largest number of pictures besides those of the panels."""
        single = [one.attributes[0].name for one in self.listed.panels if len(one.attributes) == 1]
        pairs = sum(single.count(name) - 1 for name in single)
        return (pairs + 8) * self.sizes["transfer"] + len(FRAMES) * self.sizes["sensitivity"]


def _other_settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Yield settings with their usual value and another: guidance and steps, up and down."""
    scale, steps = settings.get("guidance_scale"), int(settings["num_inference_steps"])
    if scale is not None and scale > 1:  # without guidance, there is none to change
        yield from (("guidance_scale", scale, round(factor * scale, 2)) for factor in (0.7, 1.5))
    others = (max(1, round(factor * steps)) for factor in (0.5, 2))
    yield from (("num_inference_steps", steps, other) for other in others if other != steps)


def _with_adjustment(adjusted: Adjusted | None) -> list[str]:
    """Return what tells a panel with an adjustment from one without, for a name."""
    if adjusted is None:
        return []
    return [adjusted.where, adjusted.both.name if adjusted.both else ""]


def _where(pipe: Any) -> Any:
    """Return which tokens to shift: those after the words where the family has them."""
    family = family_of(pipe).name
    try:
        EmbeddingShift("away", "towards", where="after").check(family)
    except UsageError:
        return "all"
    return "after"


def _moved_on(panel: Panel, name: str) -> Target:
    (one,) = (each for each in panel.attributes if each.name == name)
    group = panel.towards[name]
    return Target(
        {each: MOVED_ON if each == group else 1 - MOVED_ON for each in one.names},
        "the plain shares are equal already",
    )
