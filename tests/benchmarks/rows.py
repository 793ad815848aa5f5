"""What a benchmark yields: rows of a table, some of them held against a target."""

import msgspec


class Row(msgspec.Struct):
    """`target` with `at_most` or at least; None where there is only something to know."""

    group: str
    what: str
    measured: float
    unit: str
    target: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.measured <= self.target if self.at_most else self.measured >= self.target

    @property
    def shown_target(self) -> str:
        if self.target is None:
            return ""
        return f"{'≤' if self.at_most else '≥'} {self.target:g}"
