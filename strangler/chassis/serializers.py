"""References in DRF's model serializers: an id in and out, wherever the target lives."""

from typing import Any

from django.apps import apps
from rest_framework import serializers
from rest_framework.utils.field_mapping import ClassLookupDict

from strangler.chassis.references import RemoteReference
from strangler.chassis.routes import BIGINT


class ByColumn(serializers.Field):  # type: ignore[type-arg]
    """A field whose value is the reference's column, so that nobody is asked for the target."""

    def bind(self, field_name: str, parent: Any) -> None:
        if self.source is None:
            self.source = f"{field_name}_id"
        super().bind(field_name, parent)
        if isinstance(parent, serializers.ModelSerializer):
            _keep_validators(parent, self.source)


class ReferenceField(ByColumn, serializers.IntegerField):
    """What PrimaryKeyRelatedField is where the target is hosted here; nobody is asked whether it exists."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": BIGINT, **options})


def register() -> None:
    """Let every model serializer know."""
    known: dict[Any, Any] = serializers.ModelSerializer.serializer_field_mapping
    by_class: Any = ClassLookupDict(known)
    fields = [field for model in apps.get_models() for field in model._meta.fields]
    keys = {type(f): f.reference_key for f in fields if isinstance(f, RemoteReference) and f.reference_key}
    known[RemoteReference] = ReferenceField
    for reference, key in keys.items():
        kind = by_class[key]
        if not issubclass(kind, serializers.IntegerField):
            known[reference] = type(f"Reference{kind.__name__}", (ByColumn, kind), {})


def _keep_validators(parent: Any, column: str) -> None:
    """DRF makes the validators of constraints whose fields are sources of the serializer's; a constraint
    names the reference, not its column."""
    constraints = parent.get_unique_together_constraints
    name = column.removesuffix("_id")

    def by_column(model: Any) -> Any:
        for names, *others in constraints(model):
            yield [column if each == name else each for each in names], *others

    parent.get_unique_together_constraints = by_column
