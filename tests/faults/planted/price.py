"""A wrong price for one product in a thousand."""

from tests.faults.planted.settings import planted

globals().update(planted("price"))
