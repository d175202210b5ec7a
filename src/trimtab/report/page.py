"""The HTML page, rendered from templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trimtab import __version__
from trimtab.drawing.fragment import css
from trimtab.drawing.words import capital, listed
from trimtab.report import methods, sentences
from trimtab.report.audit import audit, learning, sensitivity
from trimtab.report.mitigation import mitigation
from trimtab.report.panels import panels
from trimtab.report.understanding import understanding
from trimtab.workflows.results import (
    AnyResult,
    AuditResult,
    LearnResult,
    MitigationResult,
    PanelsResult,
    SensitivityResult,
    UnderstandingResult,
)


def page(results: Sequence[AnyResult]) -> str:
    """Return the HTML page of one or more results."""
    models = list(dict.fromkeys(filter(None, map(methods.model_name, results))))
    folders = list(dict.fromkeys(filter(None, map(methods.folder_name, results))))
    studied = any(isinstance(result, MitigationResult | PanelsResult) for result in results)
    single = [one for result in results for one in _parts(result)]
    environment = Environment(
        loader=PackageLoader("trimtab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capital"] = capital
    return environment.get_template("page.html.j2").render(
        version=__version__,
        css=css(),
        title=_title(results, models, folders, studied),
        kicker=_kicker(results, studied),
        facts=methods.facts(single, models, folders),
        results=[_shown(result, f"r{i}") for i, result in enumerate(results, start=1)],
        again=[(result.command, result.python) for result in results],
        methods=methods.methods(single),
        reserves=methods.reserves(single),
    )


def _title(
    results: Sequence[AnyResult], models: Sequence[str], folders: Sequence[str], studied: bool
) -> str:
    model = listed(models) or "the model"
    if studied:
        return f"Whom {model} shows, and what changes when its noise is steered"
    if all(isinstance(result, LearnResult) for result in results):
        return f"A direction in the noise of {model}"
    if all(isinstance(result, SensitivityResult) for result in results):
        return f"Whether {model} follows its noise"
    if all(isinstance(result, UnderstandingResult) for result in results):
        return f"What {model} connects with a concept, and what it shows"
    if models:
        return f"Whom {model} shows"
    return f"Whom {sentences.in_folders(folders)} show" if folders else "Whom these pictures show"


def _kicker(results: Sequence[AnyResult], studied: bool) -> str:
    if all(isinstance(result, UnderstandingResult) for result in results):
        return "trimtab understand"
    return "trimtab report" if studied else "trimtab audit"


def _parts(result: AnyResult) -> list[AnyResult]:
    """Return the results that a result consists of, for what is said about all of them."""
    return [*result.mitigations()] if isinstance(result, PanelsResult) else [result]


def _shown(result: AnyResult, name: str) -> dict[str, Any]:
    if isinstance(result, MitigationResult):
        return mitigation(result, name)
    if isinstance(result, PanelsResult):
        return panels(result, name)
    if isinstance(result, AuditResult):
        return audit(result, name)
    if isinstance(result, SensitivityResult):
        return sensitivity(result, name)
    if isinstance(result, UnderstandingResult):
        return understanding(result, name)
    return learning(result, name)
