"""Statistical parity difference between two prompts or populations."""

from __future__ import annotations

from trimtab.metrics.comparison import require_same_groups
from trimtab.metrics.frame import AuditFrame
from trimtab.statistics import Estimate, newcombe


def statistical_parity_difference(frame: AuditFrame, other: AuditFrame, *, group: str) -> Estimate:
    """Return SPD = P(group | frame) - P(group | other), between two prompts or populations.

    Each share is over the known pictures. The two sets are treated as independent. For the same
    seeds before and after, use `AuditFrame.compare`, which is more precise; for two groups in one
    set, use `AuditFrame.share_difference`.

    Parameters
    ----------
    frame, other : AuditFrame
        Audits of the same attribute.
    group : str
        The group whose shares are compared.

    Returns
    -------
    Estimate
        A value from -1 to 1, above 0 if the first has more of the group. n is the number of known
        pictures in both; the interval is that of `newcombe` at the confidence of `frame`.

    Raises
    ------
    UsageError
        If attributes or groups differ, or the group is unknown.

    References
    ----------
    R. K. E. Bellamy et al., AI Fairness 360, 2018, `statistical_parity_difference`; the interval
    is method 10 of R. G. Newcombe, Statistics in Medicine 17, 1998.
    """
    require_same_groups(frame.labels, other.labels)
    return newcombe(
        frame.figures.count(group),
        frame.n_known,
        other.figures.count(group),
        other.n_known,
        confidence=frame.confidence,
    )
