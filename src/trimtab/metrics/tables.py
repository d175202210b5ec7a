"""Audits as plain text: aligned columns, nothing that a terminal or a log could choke on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trimtab.statistics.intervals import Estimate

if TYPE_CHECKING:
    from trimtab.metrics.comparison import Comparison
    from trimtab.metrics.frame import AuditFrame

_BAR = 20
_NAMES = {
    "deviation_ratio": "deviation ratio",
    "fairness_discrepancy": "fairness discrepancy",
    "kl": "KL divergence",
    "entropy": "normalised entropy",
}


def frame_table(frame: AuditFrame) -> str:
    """Return an audit as text: the shares of all pictures, then the figures over the known."""
    labels, target = frame.labels, frame.target
    level = f"{frame.confidence:.0%} interval".replace("%", " %")
    shares = [["group", "share", level, "target", "count", ""]]
    for group, share in frame.by_group.items():
        wanted = target[group]
        shares.append(
            [
                group,
                _number(share.value),
                _span(share.low, share.high),
                _number(wanted),
                f"{share.count:.0f}",
                _bar(share.value, wanted),
            ]
        )
    lost = frame.unknown
    shares.append(
        [
            "unknown",
            _number(lost.value),
            _span(lost.low, lost.high),
            "-",
            f"{lost.count:.0f}",
            _bar(lost.value),
        ]
    )
    figures = [[f"over the {frame.n_known} known", "value", level, "noise floor"]]
    figures += [
        [_figure_name(name, labels.groups), *_figure(figure)]
        for name, figure in frame.figures.items()
    ]
    head = f"{labels.title}, {frame.n} pictures"
    head += f", recognised by {labels.recogniser}" if labels.recogniser else ""
    return "\n".join([head, "", *_aligned(shares, "<>^>><"), "", *_aligned(figures, "<>^>")])


def comparison_table(comparison: Comparison) -> str:
    """Return a comparison as text: a row per group, then the test over all."""
    level = f"{comparison.confidence:.0%} interval".replace("%", " %")
    rows = [["group", "before", "after", "change", level, "p"]]
    several = len(comparison.rows) > 2
    rows[0][-1] = "p (Holm)" if several else "p"
    rows += [
        [
            row.group,
            _number(row.before),
            _number(row.after),
            _signed(row.difference),
            _span(row.low, row.high, signed=True),
            _p(row.p_holm),
        ]
        for row in (*comparison.rows, comparison.unknown)
    ]
    head = f"{comparison.title}, {comparison.n} pairs of the same seed"
    head += f" ({comparison.unpaired} pictures without a pair)" if comparison.unpaired else ""
    foot = f"{comparison.test} over the pairs known both times: p {_relation(comparison.p)}"
    return "\n".join([head, "", *_aligned(rows, "<>>>^>"), "", f"  {foot}"])


def _aligned(rows: list[list[str]], sides: str) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    return [
        "  " + "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    ]


def _bar(share: float, target: float | None = None) -> str:
    """Draw # up to the share, dots beyond, and | where the target is."""
    cells = ["#" if (i + 0.5) / _BAR < share else "." for i in range(_BAR)]
    if target is not None:
        cells.insert(round(target * _BAR), "|")
    return "".join(cells)


def _figure_name(name: str, groups: tuple[str, ...]) -> str:
    return f"SPD, {groups[0]} - {groups[1]}" if name == "spd" else _NAMES[name]


def _figure(figure: Estimate) -> list[str]:
    signed = figure.noise_floor is None
    value = _signed(figure.value, 3) if signed else _number(figure.value, 3)
    floor = "-" if figure.noise_floor is None else _number(figure.noise_floor, 3)
    return [value, _span(figure.low, figure.high, 3, signed=signed), floor]


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _signed(value: float, digits: int = 2) -> str:
    if not math.isfinite(value):
        return "-"
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else ("-" if value < 0 else "+") + text


def _span(low: float, high: float, digits: int = 2, *, signed: bool = False) -> str:
    show = _signed if signed else _number
    return " to ".join(f"{show(end, digits):>{digits + 2 + signed}}" for end in (low, high))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _relation(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
