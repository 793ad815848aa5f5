from typing import Any

from rest_framework import serializers

from shop.orders.models import Order
from strangler.chassis.routes import BIGINT

MOST = 999


class LineSerializer(serializers.Serializer[Any]):
    product = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    price = serializers.DecimalField(max_digits=10, decimal_places=2)
    quantity = serializers.IntegerField()
    total = serializers.DecimalField(max_digits=16, decimal_places=2)


class CartSerializer(serializers.Serializer[Any]):
    lines = LineSerializer(many=True)
    total = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()


class QuantitySerializer(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=0, max_value=MOST, help_text="Pieces; 0 removes the line")


class CheckoutSerializer(serializers.Serializer[Any]):
    payment_token = serializers.CharField(max_length=255)
    address = serializers.IntegerField(min_value=1, max_value=BIGINT, help_text="One of your addresses")


class IdempotencyKeySerializer(serializers.Serializer[Any]):
    """The `Idempotency-Key` header."""

    key = serializers.RegexField(r"^[\x21-\x7e]+$", max_length=255)


class OrderPaymentSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    reference = serializers.CharField()


class OrderSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    total = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    lines = LineSerializer(many=True)
    payment = OrderPaymentSerializer(allow_null=True)


class OverviewOrderSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    total = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    lines = LineSerializer(many=True)


class OverviewRefundSerializer(serializers.Serializer[Any]):
    reference = serializers.CharField()
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)


class OverviewPaymentSerializer(serializers.Serializer[Any]):
    order = serializers.CharField()
    reference = serializers.CharField()
    status = serializers.CharField()
    amount = serializers.DecimalField(max_digits=16, decimal_places=2)
    currency = serializers.CharField()
    refunds = OverviewRefundSerializer(many=True)


class OverviewProductSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    price = serializers.DecimalField(max_digits=10, decimal_places=2)
    currency = serializers.CharField()
    active = serializers.BooleanField()


class OverviewNotificationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    body = serializers.CharField()
    created_at = serializers.DateTimeField()


class OverviewSerializer(serializers.Serializer[Any]):
    order = OverviewOrderSerializer()
    payments = OverviewPaymentSerializer(many=True, allow_null=True)
    products = OverviewProductSerializer(many=True, allow_null=True)
    notifications = OverviewNotificationSerializer(many=True, allow_null=True)
    degraded = serializers.ListField(child=serializers.CharField(), help_text="Parts that did not answer")
