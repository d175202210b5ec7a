"""Check the output of `trimtab paper --quick`: it is complete, and every share moved."""

import sys
from pathlib import Path

from trimtab.report.claims import kept_of, share_of, shown_of
from trimtab.workflows import PanelsResult
from trimtab.workflows.panels_result import final

folder = Path(sys.argv[1])
result = PanelsResult.load(folder)
assert len(result.panels) == 3
assert result.judge == "oracle"
for panel in result.panels:
    one = panel.mitigation
    for name, group, wanted in shown_of(one):
        before, after = (share_of(arm, "oracle", name, group) for arm in (one.arms[0], final(one)))
        print(f"{panel.prompt}, {group}: {before.value:.2f} -> {after.value:.2f}, of {after.n}")
        assert after.n == 40
        assert abs(after.value - wanted) < abs(before.value - wanted), "steering did not help"
    kept = kept_of(final(one), "oracle")
    assert kept is None or kept.value >= 0.9, "the concept was lost"
    assert (folder / "reports" / result.name / "panels" / one.name / "report.html").exists()
assert result.sensitivity is not None and result.sensitivity.enough
assert (folder / "reports" / result.name / "report.html").stat().st_size > 100_000
print(f"{result.made} pictures")
