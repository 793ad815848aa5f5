from django.apps import AppConfig


class PlantedConfig(AppConfig):
    """Plants its defect when Django has started."""

    name = "tests.faults.planted"
    label = "planted"

    def ready(self) -> None:
        from tests.faults.planted import defects

        defects.plant()
