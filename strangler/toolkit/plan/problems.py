"""Mistakes in a plan file: where, what, and what to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake. `line` counts from 1."""

    file: Path
    line: int
    what: str
    remedy: str

    @property
    def text(self) -> str:
        return f"{self.file}:{self.line}: {self.what} {self.remedy}"


@dataclass(kw_only=True)
class Problems:
    """The mistakes found in one file so far. A place known to be wrong is not complained about again."""

    file: Path
    found: list[Problem] = field(default_factory=list)
    faulty: set[Place] = field(default_factory=set)

    def add(self, *, line: int, what: str, remedy: str, place: Place | None = None) -> None:
        """Note a mistake; `place` marks the value as not to be trusted by later checks."""
        problem = Problem(file=self.file, line=line, what=what, remedy=remedy)
        if problem not in self.found:
            self.found.append(problem)
        if place is not None:
            self.faulty.add(place)

    def trusted(self, place: Place) -> bool:
        """Whether neither this value nor what it stands in was found faulty."""
        return not any(place[:length] in self.faulty for length in range(len(place) + 1))

    def sorted(self) -> list[Problem]:
        """In the file's order."""
        return sorted(self.found, key=lambda problem: problem.line)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.sorted())

    def __len__(self) -> int:
        return len(self.found)


def suggestion(word: object, known: Sequence[str]) -> str:
    """ "Did you mean `x`?" where something close is known, else the list of what is."""
    close = get_close_matches(str(word), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Known: {', '.join(known)}." if known else "None is known yet."
