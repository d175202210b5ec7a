"""Results as workflows return them, made from labels and plain-coloured pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from trimtab.concepts import Target
from trimtab.metrics import Comparison, Figures, intersection, spillover
from trimtab.recognition import Labels
from trimtab.statistics import Accuracy, Dose, Estimate, Response, bootstrap, wilson
from trimtab.storage import PictureIndex, Store, document_hash
from trimtab.workflows.records import (
    Arm,
    Calibration,
    Change,
    Generic,
    Learned,
    Mitigated,
    Preservation,
    Reached,
    View,
)
from trimtab.workflows.results import AuditResult, LearnResult, MitigationResult

PROMPT = "a photo of a doctor"
GENDER, TONE = ("woman", "man"), ("lighter", "darker")
SHARES = {"plain": 0.1, "single": 0.5, "sum": 0.45, "generic": 0.3, "random": 0.1}
DOSES = tuple(Dose(s, 10, 9, round(s), 10 - (s == 8)) for s in (0.0, 1.0, 2.0, 4.0, 6.0, 8.0))
CURVE: dict[str, tuple[float, ...]] = {
    "strength": (0.0, 4.0, 8.0),
    "share": (0.05, 0.4, 0.9),
    "kept": (1.0, 1.0, 0.9),
}


def spec_of(arm: str) -> dict[str, Any]:
    """Give the spec of a set of pictures."""
    return {
        "format": "trimtab-spec",
        "version": 1,
        "model": {"name": "tiny"},
        "settings": {"num_inference_steps": 10},
        "batch_size": 10,
        "intervention": {"steering": {"terms": []}, "adjustment": None},
        "arm": arm,
    }


def labels(
    attribute: str, title: str, groups: Sequence[str], share: float, n: int, *, unsure: int = 1
) -> Labels:
    """Give labels of which about a share shows the first group, and some are unknown."""
    first = np.random.default_rng(5).random(n) < share
    names = [groups[0] if hit else groups[1 + i % (len(groups) - 1)] for i, hit in enumerate(first)]
    names[:unsure] = ["unknown"] * unsure
    return Labels.from_names(attribute, groups, names, title=title, recogniser="colours")


def seen(share: float, n: int, groups: Sequence[str], *, unsure: int = 1) -> dict[str, Labels]:
    """Give the labels of three attributes."""
    return {
        "gender": labels("gender", "perceived gender", groups, share, n, unsure=unsure),
        "skin_tone": labels("skin_tone", "perceived skin tone", TONE, 1 - share, n, unsure=0),
        "age": labels("age", "perceived age", ("young", "old"), 0.3, n, unsure=0),
    }


def view(role: Any, every: Mapping[str, Labels], target: Target | None, *, own: bool) -> View:
    """Give what one recogniser saw."""
    n = len(every["gender"])
    metrics = {"largest <share>": lambda shares, target: float(np.max(shares))} if own else None
    figures = tuple(
        Figures.of(one, target if name == "gender" else None, metrics=metrics)
        for name, one in every.items()
    )
    wanted = figures[0].target.times(figures[1].target)
    crossed = Figures.of(intersection(every["gender"], every["skin_tone"]), wanted)
    kept = wilson(n - 1, n)
    return View(role, "colours", figures, (crossed,), kept, Estimate(0.31, n, 0.29, 0.33))


def arm(
    name: str,
    role: Any,
    attribute: str | None,
    plain: Mapping[str, Mapping[str, Labels]] | None,
    mine: Mapping[str, Mapping[str, Labels]],
    target: Target | None,
    prompts: Sequence[str],
) -> Arm:
    """Give one set of pictures with all that was seen in it."""
    n = len(mine["recogniser"]["gender"])
    values = np.linspace(20, 24, n)
    steered = [one for one in ("gender", "skin_tone") if attribute in (None, one)]
    views = tuple(view(r, one, target, own=False) for r, one in mine.items())
    changes = tuple(
        Change(
            r,  # type: ignore[arg-type]
            tuple(Comparison.between(before[a], mine[r][a]) for a in ("gender", "skin_tone")),
            tuple(
                spillover(
                    {a: (before[a], mine[r][a]) for a in before if a not in steered},
                    steered=[(before[a], mine[r][a]) for a in steered],
                )
            ),
        )
        for r, before in (plain or {}).items()
    )
    close = Preservation(bootstrap(values), bootstrap(values / 30), 0.05)
    return Arm(
        name, role, attribute, document_hash(spec_of(name)),
        {"steering": {"terms": []}, "adjustment": None}, n * len(prompts), (0, n), views,
        dict.fromkeys(prompts, views) if len(prompts) > 1 else {},
        changes, close if plain else None,
    )  # fmt: skip


def learned(attribute: str, title: str, towards: str, **options: Any) -> Learned:
    """Give a direction and how it was chosen."""
    steps = tuple(Accuracy(step, 0.7 + step / 60, 0.03) for step in (2, 5, 10))
    given: dict[str, Any] = {"kept": 0.94, "cosines": {"age": -0.12}}
    return Learned(
        attribute, title, towards, towards, "ab" * 32, f"directions/{attribute}.safetensors",
        "mean difference", ("doctor",), 5, steps, (20_000, 20_050), **given | options,
    )  # fmt: skip


def study(
    n: int = 20,
    *,
    oracle: bool = True,
    groups: Sequence[str] = GENDER,
    prompts: Sequence[str] = (PROMPT,),
    target: Target | None = None,
    stopped_by: Any = "precision",
    unsure: int = 1,
    **options: Any,
) -> MitigationResult:
    """Give a result with every part."""
    roles = ("recogniser", "oracle")[: 1 + oracle]

    def both(role: str) -> dict[str, dict[str, Labels]]:
        rare = unsure if role == "single" else 1
        return {r: seen(SHARES[role], n, groups, unsure=rare) for r in roles}

    plain = both("plain")
    rest = [("single", "gender", "gender"), ("single", "skin_tone", "skin_tone"),
            ("sum", None, "gender + skin_tone"), ("generic", "gender", "generic SVM: gender"),
            ("random", "gender", "random 1: gender")]  # fmt: skip
    arms = [arm("plain", "plain", None, None, plain, target, prompts)]
    arms += [arm(name, r, a, plain, both(r), target, prompts) for r, a, name in rest]
    mitigated = tuple(
        Mitigated(
            learned(name, title, towards),
            Target.of(shown, target if name == "gender" else None),
            strength,
            Calibration({name: strength}, (Reached(name, Estimate(0.48, 200, 0.43, 0.53)),), 0.05,
                        0.9, 3, 420, stopped_by),
            Response(target[groups[0]] if target and name == "gender" else 0.5, DOSES,
                     DOSES if oracle else (), CURVE, 0.97, 7.0),
            Generic(learned(name, title, towards), 0.31) if name == "gender" else None,
        )
        for name, title, shown, towards, strength in (
            ("gender", "perceived gender", groups, groups[0], 3.4375),
            ("skin_tone", "perceived skin tone", TONE, "darker", 1.25),
        )
    )  # fmt: skip
    joint = Calibration({"gender": 3.1, "skin_tone": 1.5},
                        (Reached("gender", Estimate(0.41, 90, 0.33, 0.49)),), 0.05, 0.9, 2, 180,
                        "budget")  # fmt: skip
    given: dict[str, Any] = {
        "name": "doctor",
        "model": {"name": "tiny"},
        "settings": {"num_inference_steps": 10},
        "note": "The model draws <b>squares</b>.",
        "command": "trimtab mitigate --out <folder>",
        "prompts": tuple(prompts),
        "concepts": ("doctor",) * len(prompts),
        "concept_rule": "of all jobs, a doctor is seen most",
        "attributes": mitigated,
        "joint": joint,
        "arms": tuple(arms),
        "recogniser": "colours",
        "threshold": 0.55,
        "seeds": {"audit": (0, n), "calibration": (10_000, 10_600), "capture": (20_000, 20_050)},
        "file": "directions/doctor.safetensors",
        "planned": 900,
        "made": 720,
        "python": 'import trimtab as tt\nsteer = tt.load("any") & <all>',
    }
    return MitigationResult(**given | options)


def audited(n: int = 20, *, prompts: Sequence[str] = (PROMPT,), **options: Any) -> AuditResult:
    """Give an audit with every part."""
    views = (view("recogniser", seen(0.1, n, GENDER), None, own=True),)
    given: dict[str, Any] = {
        "name": "audit",
        "model": {"name": "tiny"},
        "settings": {},
        "command": "trimtab audit",
        "prompts": tuple(prompts),
        "spec": document_hash(spec_of("plain")),
        "intervention": {"steering": {"terms": []}, "adjustment": None},
        "n": n * max(1, len(prompts)),
        "seeds": (0, n),
        "views": views,
        "by_prompt": dict.fromkeys(prompts, views) if len(prompts) > 1 else {},
        "recogniser": "colours",
        "threshold": 0.55,
    }
    return AuditResult(**given | options)


def direction() -> LearnResult:
    """Give a learned direction."""
    return LearnResult(
        name="gender", model={"name": "tiny"}, settings={}, accuracy=0.78,
        accuracy_interval=(0.7, 0.84), learned=learned("gender", "perceived gender", "woman"),
    )  # fmt: skip


def add_pictures(store: Store, result: MitigationResult | AuditResult, n: int = 12) -> None:
    """Put plain-coloured pictures of every set into a store; seed 3 is blocked."""
    index = PictureIndex(store)
    arms = ["plain"] if isinstance(result, AuditResult) else [one.name for one in result.arms]
    for shade, spec in enumerate(store.add_spec(spec_of(arm)) for arm in arms):
        for prompt in result.prompts:
            index.add([
                index.write(spec, prompt, seed,
                            Image.new("RGB", (16, 16), (30 * shade, 10 * seed, 120)),
                            record={"seed": seed}, blocked=seed == 3, environment="{}")
                for seed in range(n)
            ])  # fmt: skip
