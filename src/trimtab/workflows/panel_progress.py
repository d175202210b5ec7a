"""Progress over all panels, in pictures."""

from __future__ import annotations

from trimtab.storage import Progress


class Overall:
    """Adds the pictures of all parts up, beside the progress of each.

    Parameters
    ----------
    progress : callable
        ``progress(done, total, what)``, called for each part, and for "all panels".
    total : int
        The largest number of pictures of all panels.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total = progress, total
        self.before, self.since, self.parts = 0, 0, dict[str, int]()

    def __call__(self, done: int, total: int, what: str) -> None:
        """Report a part, and the sum of all parts."""
        self.progress(done, total, what)
        if what.startswith("capture"):  # whose runs are short
            return
        if done < self.parts.get(what, 0):  # another part of that name
            self.since += self.parts[what]
        self.parts[what] = done
        self._tell(self.before + self.since + sum(self.parts.values()))

    def passed(self, pictures: int) -> None:
        """Count a panel as done, with the pictures that it was planned to take at most."""
        self.before, self.since, self.parts = self.before + pictures, 0, {}
        self._tell(self.before)

    def _tell(self, done: int) -> None:
        self.progress(min(done, self.total - 1), self.total, "all panels")
