"""One request in twenty fails."""

from tests.faults.planted.settings import planted

globals().update(planted("errors"))
