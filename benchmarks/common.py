"""Shared by the benchmarks: load the model, describe the machine, write the figures."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any


def arguments(description: str, *, model: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options common to all benchmarks."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    if model:
        parser.add_argument("--model", default="townsfolk", help="a folder, a Hub id or townsfolk")
    return parser


def load(name: str) -> Any:
    """Load the embedded model or another one."""
    import trimtab
    from trimtab.pipelines import load_model

    return trimtab.townsfolk.load() if name == "townsfolk" else load_model(name)


def machine() -> dict[str, Any]:
    """Return facts about the machine that produced the figures."""
    facts: dict[str, Any] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    if "torch" in sys.modules:
        import torch

        from trimtab.pipelines import library_versions

        facts |= {"threads": torch.get_num_threads(), "versions": library_versions()}
        if torch.cuda.is_available():
            facts["accelerator"] = torch.cuda.get_device_name()
    return facts


def finish(figures: dict[str, Any], bars: dict[str, bool], out: Path | None) -> int:
    """Print and write the figures; return the exit status, 1 if a bar is missed."""
    figures = {**figures, "bars": bars, "machine": machine()}
    text = json.dumps(figures, indent=2)
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    for name, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'}  {name}", file=sys.stderr)
    return 0 if all(bars.values()) else 1
