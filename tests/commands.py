"""Running the command line as a user would, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import trimtab as package
from trimtab.cli import main

SOURCE = Path(package.__file__).parents[1]


class Done(NamedTuple):
    """What a command left: exit code, output, error stream."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as JSON; NaN is none."""
        return json.loads(self.out, parse_constant=_no_json)


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def trimtab(*words: object) -> Done:
    """Run ``trimtab`` with some words."""
    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as leaving:
            code = leaving.code
    return Done(code, out.getvalue(), err.getvalue())


def done(*words: object) -> Done:
    """Run a command that must succeed."""
    result = trimtab(*words)
    assert result.code == 0, result.err
    return result


def start(*words: object, stdout: Any = subprocess.PIPE, **variables: str) -> Any:
    """Start a command in a process of its own, with environment variables."""
    code = (
        "import signal, sys\n"
        # Tests that run in the background may have inherited that SIGINT is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from trimtab.cli import main\n"
        "main(sys.argv[1:])"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)} | variables,
    )


def finish(process: Any, seconds: float = 300) -> Done:
    """Wait for a command that was started."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return Done(process.returncode, out or "", err)


def in_a_process(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python where huggingface_hub reads its environment anew."""
    online = {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_XET": "1"}
    settings = os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"} | online | env
    return subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True
    )
