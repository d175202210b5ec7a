"""The demo: one or more studies on the embedded model, with the oracle as judge, and a report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trimtab import townsfolk
from trimtab.concepts import attribute, prompt_for
from trimtab.drawing.words import group_label
from trimtab.generation import ImageSet
from trimtab.pipelines import model_name
from trimtab.report import before_after, report
from trimtab.storage import require_empty
from trimtab.workflows import STUDY_FILE, Plan, mitigate

WATCHED = ("age", "glasses", "jewellery")
JOBS = {"quick": ("doctor",), "standard": ("doctor",), "full": ("doctor", "nurse", "teacher")}
SHOWN = 8  # seeds in before-after.png: the first audit seeds, not chosen ones
HEAD = """\
import trimtab as tt

pipe = tt.townsfolk.load()  # or any pipeline of a supported family

def learn(name, towards, step):
    samples = tt.capture(pipe, tt.attribute(name), range(20_000, {captured}), step, on="{concept}")
    return tt.MeanDifference().fit(samples, step=step, towards=towards).direction_

"""
LEARN = 'learn("{attribute}", "{towards}", {step})'
TAIL = """
for steer in (None, {strength} * direction):
    images = tt.generate(pipe, "{prompt}", range({n}), steer)
    print(tt.AuditFrame(tt.classify(images, "{attribute}")))
"""


def plan_of(job: str, size: str) -> Plan:
    """Return the plan of one job: quick, standard or full."""
    watched = tuple(map(attribute, WATCHED))
    both = (attribute("gender"), attribute("skin_tone"))
    if size == "quick":
        return Plan(
            prompt_for(job),
            both[:1],
            watch=(*both[1:], *watched),
            n=40,
            n_capture=20,
            n_dose=24,
        )
    if size == "full":
        return Plan(
            prompt_for(job), both, watch=watched, n=200, n_dose=80, controls=3, generic_doses=True
        )
    return Plan(prompt_for(job), both, watch=watched)


def run_demo(
    out: Path, size: str, progress: Callable[[int, int, str], None]
) -> tuple[dict[str, Any], Path]:
    """Run the studies into a folder; write ``summary.json``, the report and a picture beside."""
    begun = time.monotonic()
    resumed = any((out / job / STUDY_FILE).exists() for job in JOBS[size])
    if not resumed:
        require_empty(out, "trimtab demo")
    pipe = townsfolk.load()
    results = []
    for job in JOBS[size]:
        named = _with_job(progress, job) if len(JOBS[size]) > 1 else progress
        entries = mitigate(
            pipe, plan_of(job, size), to=out / job, judge=townsfolk.judge, progress=named
        )
        results += [entry | {"folder": job} for entry in entries]
    job = JOBS[size][0]
    first = [entry for entry in results if entry["folder"] == job]
    summary = {
        "schema": 1,
        "model": model_name(pipe),
        "seconds": round(time.monotonic() - begun, 1),
        "resumed": resumed,
        "command": commands_of(results, size, out),
        "python": python_of(first, plan_of(job, size)),
        "results": results,
    }
    page = report(summary, to=out)
    rows = {
        label: ImageSet.from_folder(out / job / first[0]["pictures"][arm])
        for arm, label in rows_of(first).items()
    }
    before_after(rows, next(iter(rows.values())).seeds[:SHOWN], to=out / "before-after.png")
    return summary, page


def rows_of(entries: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return what stands above the plain pictures of a study, the steered and those of the sum."""

    def perceived(arm: str, some: Sequence[dict[str, Any]]) -> str:
        shares = [(one[arm]["product"]["shares"][one["towards"]], one["towards"]) for one in some]
        return ", ".join(f"{share:.0%} {group_label(group)}" for share, group in shares)

    first = entries[0]
    steered = f"noise + {first['strength']:.1f} × {first['towards']}"
    found = {
        "plain": f"plain; perceived in {first['n']} pictures: {perceived('plain', entries)}",
        "steered": f"{steered}: {perceived('steered', entries[:1])}",
    }
    if "sum" in first:
        strengths = first["sum_strengths"]
        terms = (f"{strengths[one['attribute']]:.1f} × {one['towards']}" for one in entries)
        found["sum"] = f"noise + {' + '.join(terms)}: {perceived('sum', entries)}"
    return found


def commands_of(entries: Sequence[dict[str, Any]], size: str, out: Path) -> str:
    """Return the command that repeats a demo, and one that steers alike for each entry."""
    lines = [["trimtab", "demo", *([] if size == "standard" else [f"--{size}"]), "--out", str(out)]]
    for entry in entries:
        job, name = entry["folder"], entry["attribute"]
        file = out / job / entry["direction"]["file"]
        place = out / f"{job}-{name}"
        steer = ["--steer", f"{file}={entry['strength']}", "--out", str(place)]
        lines.append(["trimtab", "generate", entry["prompt"], *steer])
    return "\n".join(map(shlex.join, lines))


def python_of(entries: Sequence[dict[str, Any]], plan: Plan) -> str:
    """Return the lines of Python that repeat the first entry of a study."""
    first = entries[0]
    facts = {
        "captured": f"{plan.capture_seeds.stop:_}",
        "n": plan.n,
        **{key: first[key] for key in ("concept", "prompt", "strength", "attribute")},
    }
    own, *others = (LEARN.format(**entry) for entry in entries)
    rest = f".orthogonal_to({', '.join(others)})" if others else ""
    return HEAD.format(**facts) + f"direction = {own}{rest}" + TAIL.format(**facts)


def _with_job(
    progress: Callable[[int, int, str], None], job: str
) -> Callable[[int, int, str], None]:
    return lambda done, total, what: progress(done, total, f"{job}: {what}")


def table(summary: dict[str, Any]) -> str:
    """Return the figures of every arm as a table for a terminal."""
    lines = []
    for entry in summary["results"]:
        towards = entry["towards"]
        lines += [
            "",
            f"{entry['prompt']!r}, {entry['title']}: step {entry['step']}, "
            f"strength {entry['strength']:.2f} towards {towards!r}, n = {entry['n']}",
            f"  {'initial noise':<18}{'view':<9}{towards:>10}{'interval':>15}"
            f"{'unknown':>9}{'DR':>6}{'interval':>15}{'kept':>6}",
        ]
        for arm in ("plain", "steered", "sum", "generic_svm", "random_direction"):
            for view, figures in entry.get(arm, {}).items():
                lines.append(
                    f"  {arm.replace('_', ' '):<18}{view:<9}{figures['shares'][towards]:>10.2f}"
                    f"{_interval(figures['share_ci'][towards]):>15}{figures['unknown']:>9.2f}"
                    f"{_number(figures['deviation_ratio']):>6}"
                    f"{_interval(figures['deviation_ratio_ci']):>15}"
                    f"{figures['concept_kept']:>6.2f}"
                )
    return "\n".join(lines).lstrip("\n")


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"  # where no picture shows a group


def _interval(ends: Sequence[float | None]) -> str:
    return f"[{', '.join(map(_number, ends))}]"
