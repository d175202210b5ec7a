"""The folder of a study: its settings, the decisions taken so far, the directions learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trimtab.interventions import Direction
from trimtab.pipelines import model_facts
from trimtab.storage import read_json, require_empty, require_same_settings, write_json
from trimtab.workflows.plan import Plan

FORMAT = "trimtab-study"
STUDY_FILE = "study.json"


class StudyFolder:
    """What a stopped study must not decide anew when it goes on.

    A strength found again on another machine may differ in its last digit, and with it every
    picture that was made at it.

    Parameters
    ----------
    path : Path
        A new or empty folder, or one of the same plan, model and recogniser.
    plan : Plan
        What the study does.
    pipe : diffusers.DiffusionPipeline
        The model that it looks at.
    recogniser : str
        Name of the recogniser that decides.

    Raises
    ------
    FileError
        When the folder holds something else.
    """

    def __init__(self, path: Path, plan: Plan, pipe: Any, recogniser: str) -> None:
        self.path = path
        facts = model_facts(pipe)
        settings = {
            "plan": asdict(plan),
            "model": facts["model"],
            "weights": facts["weights"],
            "recogniser": recogniser,
        }
        del settings["plan"]["batch_size"]  # of no matter to what is shown
        if (path / STUDY_FILE).exists():
            found = read_json(path / STUDY_FILE, FORMAT, "settings", "decisions")
            require_same_settings(path, found["settings"], settings)
            self.study = found
        else:
            require_empty(path, "a study")
            self.study = {"format": FORMAT, "version": 1, "settings": settings, "decisions": {}}
            write_json(path / STUDY_FILE, self.study)

    def decided(self, what: str, decide: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the decision taken before, or take it and write it down."""
        decisions = self.study["decisions"]
        if what not in decisions:
            decisions[what] = dict(decide())
            write_json(self.path / STUDY_FILE, self.study)
        return dict(decisions[what])

    def direction(self, name: str, learned: Direction) -> Direction:
        """Return the direction kept under a name, or keep this one."""
        file = self.path / self.direction_file(name)
        if file.exists():
            return Direction.load(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        learned.save(file)
        return learned

    def annotate(self, name: str, **facts: Any) -> None:
        """Add to the provenance of the direction kept under a name."""
        file = self.path / self.direction_file(name)
        Direction.load(file).annotated(**facts).save(file)

    @staticmethod
    def direction_file(name: str) -> str:
        """Where a direction lies, relative to the folder."""
        return f"directions/{name}.safetensors"
