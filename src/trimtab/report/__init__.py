"""Reports: a result as a self-contained HTML page, with the same figures as JSON."""

from __future__ import annotations

from trimtab.report.writer import write_report

__all__ = ["write_report"]
