"""Every answer takes half a second more."""

from tests.faults.planted.settings import planted

globals().update(planted("slow"))
