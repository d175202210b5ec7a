"""Tables as text for a terminal and as HTML for a page or a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

PHONE, GAP = 44, 1  # in characters: the width of a phone, and the space between two columns


@dataclass(frozen=True)
class Table:
    """A table of texts with a caption: plain text in `str`, HTML in Jinja and notebooks.

    Parameters
    ----------
    caption : str
        What the table shows; may be empty.
    head : sequence of str
        Names of the columns; empty for pairs of name and value.
    rows : sequence of sequences of str
        The cells; the first cell of each row is its name. A table without rows is not shown.
    sides : str, optional
        The alignment of plain text, one letter per column: "<" left, ">" right, "^" centred. By
        default, texts are on the left, numbers and intervals on the right.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    sides: str = ""

    def __bool__(self) -> bool:
        """Return whether the table has rows."""
        return bool(self.rows)

    def __str__(self) -> str:
        """Return aligned columns in plain text, safe for terminals and logs."""
        if not self:
            return ""
        rows = [list(row) for row in ([self.head] if self.head else []) + list(self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        columns = zip(*self.rows, strict=True)
        sides = self.sides or ["<" if _is_text(column) else ">" for column in columns]
        lines = [
            "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)).rstrip()
            for row in rows
        ]
        caption = [self.caption, ""] if self.caption else []
        return "\n".join([*caption, *(f"  {line}" for line in lines)])

    def __html__(self) -> Markup:
        """Return the table as HTML; on a narrow screen, each row of a wide table is a block."""
        return Markup("\n").join(self._lines()) if self else Markup()

    _repr_html_ = __html__

    def _lines(self) -> Iterator[Markup]:
        if self.caption:
            yield Markup('<p class="caption">{}</p>').format(self.caption)
        yield Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">').format(
            self.caption or "table"
        )
        labels: list[Markup] = [Markup()] * len(self.rows[0])
        if not self.head:
            yield Markup('<table class="pairs">')
        elif self._is_wide():
            yield Markup('<table class="wide">')
            labels = [Markup(' data-label="{}"').format(name) for name in self.head]
        else:
            yield Markup("<table>")
        if self.head:
            cells = Markup().join(Markup('<th scope="col">{}</th>').format(c) for c in self.head)
            yield Markup("<thead><tr>{}</tr></thead>").format(cells)
        yield Markup("<tbody>")
        for name, *values in self.rows:
            cells = Markup().join(
                Markup("<td{}>{}</td>").format(label, _unbroken(value))
                for label, value in zip(labels[1:], values, strict=True)
            )
            yield Markup('<tr><th scope="row"{}>{}</th>{}</tr>').format(labels[0], name, cells)
        yield Markup("</tbody></table></div>")

    def _is_wide(self) -> bool:
        """Return whether the longest words of the columns are too many for a phone."""
        columns = zip(self.head, *self.rows, strict=True)
        words = [max(len(w) for cell in c for w in _unbroken(cell).split(" ")) for c in columns]
        return sum(words) + GAP * (len(words) - 1) > PHONE


def _unbroken(cell: str) -> str:
    """Return a cell whose intervals ("43 to 53 %") stay on one line."""
    return cell.replace(" to ", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}")


def _is_text(column: Sequence[str]) -> bool:
    return any(cell[:1].isalpha() for cell in column)
