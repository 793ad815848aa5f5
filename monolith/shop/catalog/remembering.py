"""What is made of a query, kept for when it comes again."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

R = TypeVar("R")

LONGEST = 300
"""Characters. Long queries are made up, no two alike: kept, they would only fill the memory."""


class Remembered(Generic[R]):
    """A function of a text, and what it gave for the last ones that are not long (`kept`, an `lru_cache`)."""

    def __init__(self, function: Callable[..., R]) -> None:
        self.function = function
        self.kept = lru_cache(maxsize=1024)(function)

    def __call__(self, text: str, *more: Any) -> R:
        return self.kept(text, *more) if len(text) <= LONGEST else self.function(text, *more)
