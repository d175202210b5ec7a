"""Check the output of `trimtab demo --quick`: it is complete, and the steering worked."""

import sys
from pathlib import Path

from trimtab.workflows import MitigationResult

folder = Path(sys.argv[1])
result = MitigationResult.load(folder)
roles = {arm.role: arm for arm in result.arms}
assert set(roles) == {"plain", "single", "random", "generic"}, sorted(roles)
(one,) = result.attributes
name, towards = one.learned.attribute, one.learned.towards


def share(role: str) -> float:
    """Return the share of the group steered to, according to the oracle."""
    figures = roles[role].view("oracle").of(name)
    assert figures.n == 40 and set(figures.shares) == {"woman", "man"}
    return figures.shares[towards].value


plain, steered, random = (share(role) for role in ("plain", "single", "random"))
print(f"share of {towards}: plain {plain:.2f}, steered {steered:.2f}, random {random:.2f}")
kept = roles["single"].view("oracle").concept_kept.value
print(f"concept kept: {kept:.2f}; {result.made} pictures")
assert steered >= plain + 0.15, "steering changed the share too little"
assert abs(random - plain) <= 0.15, "a random direction changed the share"
assert kept >= 0.9, "the concept was lost"
for file in ("report.html", "before-after.png", result.file):
    assert (folder / file).stat().st_size > 10_000, file
