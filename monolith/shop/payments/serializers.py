from typing import Any

from rest_framework import serializers

from shop.payments.models import Payment


class RefundSerializer(serializers.Serializer[Any]):
    reference = serializers.CharField()
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)


class PaymentSerializer(serializers.Serializer[Any]):
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Payment.Status.choices)
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    refunds = RefundSerializer(many=True)


class QuerySerializer(serializers.Serializer[Any]):
    order = serializers.CharField(max_length=64, help_text="An order's number")
