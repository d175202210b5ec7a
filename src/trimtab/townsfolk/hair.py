"""All hair styles: behind the head, over it, and locks that fall in front."""

from __future__ import annotations

from trimtab.townsfolk.canvas import Canvas, Colour, Point, darker, lighter, mirror, mix, smooth
from trimtab.townsfolk.figure import Figure, Look


def _puffs(c: Canvas, f: Figure, spots: list[tuple[float, float, float]], colour: Colour) -> None:
    """Draw discs at (u, v) in head units with radius r."""
    for u, v, r in spots:
        c.dot(*f.at(u, v), r, colour)


def _sides(f: Figure, out: float, foot: float) -> list[Point]:
    """Return the outline of hair falling behind the head down to `foot` (head units)."""
    half = [(0.62, -1.08), (1.06, -0.6), (out, 0.1), (out, foot * 0.7), (out * 0.9, foot)]
    return f.span(*half, *mirror(half))


def back(c: Canvas, f: Figure, k: Look) -> None:
    """Draw what lies behind the head and the shoulders."""
    deep = darker(k.hair, 0.22)
    if k.style in ("long", "mane"):
        c.blob(_sides(f, 1.2 if f.woman else 1.1, 1.95 if f.woman else 1.45), deep)
    elif k.style == "bob":
        c.blob(_sides(f, 1.26, 1.0), deep)
    elif k.style == "wavy":
        half = [(0.6, -1.05), (1.1, -0.6), (1.26, 0.0), (1.18, 0.5), (1.42, 1.0), (1.24, 1.5),
                (1.3, 1.9), (0.7, 2.0)]  # fmt: skip
        c.blob(f.span(*half, *mirror(half)), deep)
    elif k.style == "curls":
        _puffs(c, f, [(u * s, v, r) for s in (-1, 1) for u, v, r in (
            (0.7, -0.9, 9), (1.05, -0.4, 9), (1.16, 0.1, 9), (1.2, 0.6, 9), (1.18, 1.1, 9),
            (0.9, 1.4, 8), (0.3, -1.1, 9))], deep)  # fmt: skip
    elif k.style == "afro":
        c.oval(*f.at(0, 0.1 if k.hat else -0.35), f.w * 1.56, f.h * (0.72 if k.hat else 1.16), deep)
        _puffs(c, f, [(u * s, v, 8.5) for s in (-1, 1) for u, v in (
            (1.3, -0.25), (1.36, 0.1), (1.2, 0.5))], deep)  # fmt: skip
    elif k.style in ("braids", "locs"):
        foot = 2.0 if f.woman else 1.5
        for u in (-1.08, -0.78, 0.78, 1.08):
            c.line(f.span((u * 0.95, -0.6), (u * 1.12, 0.5), (u * 1.14, foot)), 6.4, deep)
    elif k.style == "ponytail":
        u = -f.side
        c.blob(f.span((u * 0.6, 0.2), (u * 1.3, 0.3), (u * 1.6, 1.0), (u * 1.25, 1.9),
                      (u * 1.0, 1.2)), deep)  # fmt: skip
    elif k.style == "bun":
        if k.hat:
            c.dot(*f.at(-f.side * 0.95, 0.86), 10, deep)
        else:
            c.dot(*f.at(0, -1.3), 10.5, deep)


def _cap(c: Canvas, f: Figure, out: float, foot: float, line: list[Point], colour: Colour) -> None:
    """Draw hair over the skull: `out` beyond it, down to `foot`, open below the hairline `line`."""
    rim = [(-out, foot), (-out * 1.02, -0.35), (-0.8, -0.92 * out), (0, -1.05 * out),
           (0.8, -0.92 * out), (out * 1.02, -0.35), (out, foot)]  # fmt: skip
    c.poly(smooth(f.span(*rim)) + smooth(f.span(*line)), colour)


def _hairline(kind: int, side: int, foot: float) -> list[Point]:
    """Return a hairline from right to left: 0 side parting, 1 middle parting, 2 fringe."""
    if kind == 0:
        line = [(0.9, foot), (0.88, -0.3), (0.62, -0.52), (-0.3, -0.82), (-0.72, -0.5),
                (-0.9, -0.25), (-0.9, foot)]  # fmt: skip
        return line if side > 0 else mirror(line)
    if kind == 1:
        return [(0.9, foot), (0.88, -0.15), (0.58, -0.5), (0, -0.86), (-0.58, -0.5), (-0.88, -0.15),
                (-0.9, foot)]  # fmt: skip
    return [(0.9, foot), (0.88, -0.3), (0.5, -0.44), (0, -0.48), (-0.5, -0.44), (-0.88, -0.3),
            (-0.9, foot)]  # fmt: skip


SHORT_LINE: list[Point] = [(0.97, -0.05), (0.9, -0.45), (0.5, -0.62), (0, -0.64), (-0.5, -0.62),
                           (-0.9, -0.45), (-0.97, -0.05)]  # fmt: skip
RECEDING: list[Point] = [(0.98, 0.0), (0.92, -0.45), (0.62, -0.92), (0.24, -0.72), (-0.24, -0.72),
                         (-0.62, -0.92), (-0.92, -0.45), (-0.98, 0.0)]  # fmt: skip


def front(c: Canvas, f: Figure, k: Look) -> None:
    """Draw hair over the head and the forehead."""
    hair, style = k.hair, k.style
    if style == "bald":
        if k.person.age == "old" or k.fringe == 0 or k.hat:
            for s in (-1, 1):
                side = ((0.9, -0.5), (1.05, -0.35), (1.07, 0.1), (0.95, 0.12))
                c.blob(f.sided(s, side), hair)
        return
    if style in ("afro", "curly", "curls"):
        lift = 1.16 if style == "afro" else 1.1
        _cap(c, f, 1.1, 0.15 if f.woman else -0.02, SHORT_LINE, hair)
        ring = [(-0.95, -0.5), (-0.72, -0.82), (-0.38, -1.0), (0, -1.06), (0.38, -1.0),
                (0.72, -0.82), (0.95, -0.5)]  # fmt: skip
        if not k.hat:
            _puffs(c, f, [(u * lift, v * lift, 7.5 if f.woman else 6) for u, v in ring], hair)
        _puffs(c, f, [(u, -0.66, 4.6) for u in (-0.6, -0.2, 0.2, 0.6)], hair)
        if style != "curly":
            _puffs(c, f, [(s * 1.12, v, 5.5) for s in (-1, 1) for v in (-0.2, 0.15)], hair)
    elif style in ("side", "quiff", "pixie"):
        foot = 0.1 if style != "pixie" else 0.3
        _cap(c, f, 1.09, foot, _hairline(0, f.side, foot), hair)
        if style == "quiff":
            s = f.side
            c.blob(f.span((-s * 0.75, -0.75), (-s * 0.5, -1.2), (s * 0.2, -1.38), (s * 0.85, -1.15),
                          (s * 0.8, -0.7), (0, -0.72)), hair)  # fmt: skip
    elif style == "receding":
        _cap(c, f, 1.06, 0.05, RECEDING, hair)
    elif style in ("crop", "fade", "shortlocs"):
        if style == "fade":
            _cap(c, f, 1.02, -0.02, SHORT_LINE, mix(hair, f.skin, 0.45))
            _cap(c, f, 1.07, -0.42, [(0.95, -0.45), *SHORT_LINE[2:5], (-0.95, -0.45)], hair)
        else:
            _cap(c, f, 1.07, 0.0, SHORT_LINE, hair)
        if style == "shortlocs":
            for u in (-0.8, -0.48, -0.16, 0.16, 0.48, 0.8):
                c.line(
                    f.span((u, -1.06 + 0.25 * u * u), (u * 1.04, -0.6 + 0.2 * abs(u))), 6.6, hair
                )
    else:
        kind = 1 if style in ("bun", "mane", "locs", "braids") and k.fringe == 2 else k.fringe
        foot = {"bob": 0.85, "long": 0.3, "wavy": 0.3, "mane": 0.6}.get(style, 0.05)
        _cap(c, f, 1.12, foot, _hairline(kind, f.side, foot), hair)
        if style == "bun" and not k.hat:
            c.dot(*f.at(0, -1.32), 9.5, hair)
    if not k.hat:
        shine = lighter(hair, 0.22)
        c.curve(f.span((-0.62, -0.84), (-0.4, -0.96), (-0.1, -1.02)), 2.2, shine)


def locks(c: Canvas, f: Figure, k: Look) -> None:
    """Draw long hair that falls over the shoulders in front."""
    if k.style in ("long", "wavy"):
        wave = 0.12 if k.style == "wavy" else 0.0
        for s in (-1, 1):
            lock = [(0.92, -0.2), (1.14, 0.1), (1.2 + wave, 0.8), (1.12, 1.3), (1.14 + wave, 1.9),
                    (0.84, 1.98), (0.84 - wave, 1.3), (0.94, 0.6)]  # fmt: skip
            c.blob(f.sided(s, lock), k.hair)
    elif k.style in ("braids", "locs"):
        foot = 2.0 if f.woman else 1.45
        for s in (-1, 1):
            path = f.span((s * 1.0, -0.3), (s * 1.1, 0.5), (s * 1.04, foot))
            c.curve(path, 6.2, k.hair)
            for v in (0.75, 1.15, 1.55):
                if v < foot - 0.1:
                    c.line(f.span((s * 0.98, v), (s * 1.18, v - 0.08)), 1.6, lighter(k.hair, 0.3))
