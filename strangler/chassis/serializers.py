"""References in DRF's model serializers: an id in and out, wherever the target lives."""

from typing import Any

from rest_framework import serializers

from strangler.chassis.references import RemoteReference
from strangler.chassis.routes import BIGINT


class ReferenceField(serializers.IntegerField):
    """What PrimaryKeyRelatedField is where the target is hosted here; nobody is asked whether it exists."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": BIGINT, **options})

    def bind(self, field_name: str, parent: Any) -> None:
        if self.source is None:
            self.source = f"{field_name}_id"
        super().bind(field_name, parent)


def register() -> None:
    """Let every model serializer know."""
    serializers.ModelSerializer.serializer_field_mapping[RemoteReference] = ReferenceField
