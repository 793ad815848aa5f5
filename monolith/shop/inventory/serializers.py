from typing import Any

from rest_framework import serializers

from shop.inventory.operations import MOST


class StockSerializer(serializers.Serializer[Any]):
    product = serializers.IntegerField()
    on_hand = serializers.IntegerField(help_text="Pieces in the building")
    reserved = serializers.IntegerField(help_text="Pieces held for unpaid orders")
    available = serializers.IntegerField(help_text="on_hand - reserved")


class AdjustmentSerializer(serializers.Serializer[Any]):
    """`delta` pieces come in (positive) or go out (negative). No more than a billion can be on hand by it."""

    delta = serializers.IntegerField(min_value=-MOST, max_value=MOST)
    reason = serializers.CharField(max_length=200)

    def validate_delta(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError("An adjustment changes something.", code="invalid")
        return value
