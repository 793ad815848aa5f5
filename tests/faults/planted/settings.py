"""The catalogue host's settings, with a defect."""

from typing import Any

from catalog import settings as sound


def planted(defect: str) -> dict[str, Any]:
    """Sound settings, and the defect."""
    found = {name: value for name, value in vars(sound).items() if name.isupper()}
    return {
        **found,
        "PLANTED": defect,
        "INSTALLED_APPS": [*found["INSTALLED_APPS"], "tests.faults.planted"],
        "MIDDLEWARE": ["tests.faults.planted.defects.spoiled", *found["MIDDLEWARE"]],
    }
