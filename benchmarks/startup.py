"""Measure how long trimtab takes to be imported, to print its help, and to apply a direction.

Medians over alternating runs. The first two are times of a new process, including the start of
Python, which is also timed alone. The third is measured inside a new process that has imported
torch: reading a direction from a file and adding it to noise.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import trimtab
from common import arguments, finish

APPLY = """
import time, torch
start = time.perf_counter()
import trimtab
direction = trimtab.Direction.load({file!r})
torch.randn(1, 4, 64, 64) + torch.from_numpy((3 * direction).offset(1))
print(time.perf_counter() - start)
"""
CALL = "from trimtab.cli import main; main()"  # if trimtab is not installed
IMPORT_BAR, HELP_BAR, APPLY_BAR = 0.05, 0.6, 0.3  # seconds


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], model=False)
    parser.add_argument("--runs", type=int, default=9, help="runs of each, alternating")
    options = parser.parse_args()

    script = Path(sys.executable).with_name("trimtab")
    program = [script] if script.exists() else [sys.executable, "-c", CALL]
    commands = {
        "python": [sys.executable, "-c", ""],
        "import trimtab": [sys.executable, "-c", "import trimtab"],
        "trimtab --help": [*program, "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in (*commands, "apply a direction")}
    with tempfile.TemporaryDirectory() as folder:
        file = trimtab.Direction.random((4, 64, 64), 0).save(Path(folder, "direction.safetensors"))
        apply = [sys.executable, "-c", APPLY.format(file=str(file))]
        for run in range(options.runs + 1):
            found = {name: _seconds(command) for name, command in commands.items()}
            inside = subprocess.run(apply, check=True, capture_output=True, text=True)
            found["apply a direction"] = float(inside.stdout)
            if run:  # the first run only fills the caches
                for name, seconds in found.items():
                    times[name].append(seconds)

    medians = {name: round(median(values), 4) for name, values in times.items()}
    figures = {
        "benchmark": "startup",
        "runs": options.runs,
        "median_seconds": medians,
        "slowest_seconds": {name: round(max(values), 4) for name, values in times.items()},
    }
    bars = {
        f"import trimtab in {IMPORT_BAR} s": medians["import trimtab"] <= IMPORT_BAR,
        f"trimtab --help in {HELP_BAR} s": medians["trimtab --help"] <= HELP_BAR,
        f"read and apply a direction in {APPLY_BAR} s": medians["apply a direction"] <= APPLY_BAR,
    }
    return finish(figures, bars, options.out)


def _seconds(command: list[str | Path]) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
