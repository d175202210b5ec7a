"""Pictures made by ComfyUI: what the graph in their metadata says of how they were steered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Graph: TypeAlias = Mapping[str, Mapping[str, Any]]

CHUNK = "prompt"
"""The text chunk of a PNG with the graph that was run; ``workflow`` is its drawing."""
LOAD, MODEL, NOISE = "TrimtabLoadDirection", "TrimtabSteerModel", "TrimtabSteerNoise"
WEIGHTS = ("ckpt_name", "unet_name", "model_name", "model_path")
SEEDS = ("seed", "noise_seed")
SETTINGS = ("steps", "cfg", "sampler_name", "scheduler", "denoise", "add_noise")


def graph_of(info: Mapping[Any, Any]) -> Graph | None:
    """Return the graph in a picture's text chunks, or None if there is none."""
    try:
        graph = json.loads(info.get(CHUNK, ""))
    except (TypeError, ValueError):
        return None
    if not isinstance(graph, dict) or not graph:
        return None
    nodes = graph.values()
    known = all(
        isinstance(n, dict)
        and isinstance(n.get("inputs"), dict)
        and isinstance(n.get("class_type"), str)
        for n in nodes
    )
    return graph if known else None


def told_graph(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts about a graph, ready for JSON, and the same ready for text.

    Parameters
    ----------
    graph : mapping
        The result of `graph_of`.
    """
    samplers = {
        f"{node['class_type']} {name}": _sampler(graph, node)
        for name, node in graph.items()
        if _samples(graph, node)
    }
    facts = {"made_by": "ComfyUI", "samplers": samplers}
    ours = any(node["class_type"] in (LOAD, MODEL, NOISE) for node in graph.values())
    none = "not found; the graph has trimtab nodes elsewhere" if ours else "none of trimtab"
    text = {
        name: facts | {"steering": " + ".join(map(_term, facts["steering"])) or none}
        for name, facts in samplers.items()
    }
    return facts, {"made_by": "ComfyUI", **text}


def _samples(graph: Graph, node: Mapping[str, Any]) -> bool:
    """Return whether a node runs a sampler: KSampler and its kin, or one with a guider."""
    inputs = node["inputs"]
    own = any(seed in inputs for seed in SEEDS) and "model" in inputs
    return own or ("guider" in inputs and "noise" in inputs)


def _sampler(graph: Graph, node: Mapping[str, Any]) -> dict[str, Any]:
    guider = _source(graph, node, "guider") or node
    along = list(_upstream(graph, guider, "model"))
    noise = list(_upstream(graph, node, "noise"))
    parts = [node, guider, *along, *noise, *_upstream(graph, node, "sigmas")]
    parts += _upstream(graph, node, "sampler")
    steering = [
        term
        for one in (*along, *noise)
        if one.get("class_type") in (MODEL, NOISE)
        for term in _terms(graph, one)
    ]
    facts = {
        "checkpoint": _first(graph, along, WEIGHTS),
        "loras": [_value(graph, one, "lora_name") for one in along if "lora_name" in one["inputs"]],
        "prompt": _prompt(graph, guider),
        "seed": _first(graph, [node, *noise], SEEDS),
        **{name: _first(graph, parts, (name,)) for name in SETTINGS},
    }
    known = {name: fact for name, fact in facts.items() if fact not in (None, [])}
    return known | {"steering": steering}


def _terms(graph: Graph, steer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each file with its strength that a steering node applies."""
    resample = {"resample": True} if steer["inputs"].get("resample") else {}
    for one in _upstream(graph, steer, "steering"):
        if one.get("class_type") != LOAD:
            continue
        inputs = one["inputs"]
        strength = "strengths" if "strengths" in inputs else "strength"
        elsewhere = _value(graph, one, "hub_id_or_path")
        words = {"noise_only": True} if inputs.get("noise_only") else {}
        yield {
            "file": elsewhere or _value(graph, one, "file"),
            strength: _value(graph, one, strength),
            **words,
            **resample,
        }


def _term(term: Mapping[str, Any]) -> str:
    strength = term["strengths"] if "strengths" in term else term["strength"]
    said = f"{strength:g}" if isinstance(strength, float | int) else f"[{strength}]"
    return f"{said} × {term['file']}"


def _upstream(graph: Graph, node: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes that an input comes from, the nearest first, along inputs of its name."""
    seen = []
    source = _source(graph, node, name)
    while source is not None and source not in seen:  # a damaged graph may be circular
        seen.append(source)
        yield source
        source = _source(graph, source, name)


def _source(graph: Graph, node: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    link = node["inputs"].get(name)
    return graph.get(str(link[0])) if isinstance(link, list) and link else None


def _value(graph: Graph, node: Mapping[str, Any], name: str) -> Any:
    """Return what a node was given: what is written there, or in the node it is linked to."""
    source = _source(graph, node, name)
    if source is None:
        return node["inputs"].get(name)
    written = [one for one in source["inputs"].values() if not isinstance(one, list)]
    if len(written) == 1:
        return written[0]
    return f"{source.get('class_type')}: {', '.join(map(str, written))}"


def _first(graph: Graph, nodes: list[Mapping[str, Any]], names: tuple[str, ...]) -> Any:
    found = (_value(graph, node, name) for node in nodes for name in names)
    return next((value for value in found if value is not None), None)


def _prompt(graph: Graph, node: Mapping[str, Any]) -> Any:
    """Return the text that the positive conditioning, or the only one, was made from."""
    for name in ("positive", "conditioning"):
        source = _source(graph, node, name)
        while source is not None:
            if "text" in source["inputs"]:
                return _value(graph, source, "text")
            source = _source(graph, source, "conditioning")
    return None
