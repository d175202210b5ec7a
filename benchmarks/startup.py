"""Measure how long `import trimtab` and `trimtab --help` take: medians over alternating runs.

Each time is that of a new process, including the start of Python, which is also timed alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from common import arguments, finish

CALL = "from trimtab.cli import main; main()"  # if trimtab is not installed
IMPORT_BAR, HELP_BAR = 0.05, 0.6  # seconds


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
    times: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(options.runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if run:  # the first run only fills the caches
                times[name].append(time.perf_counter() - start)

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
    }
    return finish(figures, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
