"""Check that constraints.txt fits all extras together, including planned ones.

pip resolves the requirements of pyproject.toml and coming-extras.txt without installing anything.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = ",".join(project["optional-dependencies"])
with tempfile.TemporaryDirectory() as folder:
    report = Path(folder) / "report.json"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run"]
    command += ["--report", str(report), "-c", "constraints.txt", "-r", ".ci/coming-extras.txt"]
    command += ["--no-build-isolation", "-e", f".[{extras}]"]
    pip = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if pip.returncode:  # pip names conflicts at the end, after at least one line per package
        sys.exit("\n".join(pip.stdout.splitlines()[-40:]))
    found = [entry["metadata"] for entry in json.loads(report.read_text())["install"]]

lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
pinned = {canonicalize_name(Requirement(line).name) for line in lines if line[:1] not in ("", "#")}
pinned.add(canonicalize_name(project["name"]))
missing = [one for one in found if canonicalize_name(one["name"]) not in pinned]
if missing:
    wanted = " ".join(f"{one['name']}=={one['version']}" for one in missing)
    sys.exit(f"got packages without a pin; expected all in constraints.txt; add: {wanted}")
print(f"constraints.txt resolves for [{extras}] and coming-extras.txt; to install: {len(found)}")
