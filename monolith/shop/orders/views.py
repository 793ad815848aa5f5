from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contracts.accounts import AddressNotFound
from shop.orders import operations
from shop.orders.models import Order
from shop.orders.serializers import (
    CartSerializer,
    CheckoutSerializer,
    IdempotencyKeySerializer,
    OrderSerializer,
    OverviewSerializer,
    QuantitySerializer,
)
from strangler.chassis.auth import caller


def _found(value: dict[str, Any] | None) -> Response:
    if value is None:
        raise exceptions.NotFound
    return Response(value)


class Cart(APIView):
    @extend_schema(operation_id="get_cart", responses=CartSerializer)
    def get(self, request: Request) -> Response:
        return Response(operations.cart(user=caller(request).id))


class CartLine(APIView):
    @extend_schema(operation_id="set_cart_line", request=QuantitySerializer, responses=CartSerializer)
    def put(self, request: Request, product: int) -> Response:
        form = QuantitySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            known = operations.set_cart_line(user=caller(request).id, product=product, **form.validated_data)
        except operations.NoSuchUser:
            raise exceptions.AuthenticationFailed("The user no longer exists.") from None
        if not known:
            raise exceptions.NotFound
        return Response(operations.cart(user=caller(request).id))


class Checkout(APIView):
    """The cart becomes a paid order, or the answer says why not."""

    repeatable = True
    problems = {
        402: "The payment was declined.",
        409: "The cart is empty, or a product is sold out or withdrawn.",
        422: "The Idempotency-Key was used with another body.",
    }

    @extend_schema(
        operation_id="checkout",
        request=CheckoutSerializer,
        responses={201: OrderSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="Any string of printable ASCII, at most 255; the same key gets the same answer",
            )
        ],
    )
    def post(self, request: Request) -> Response:
        given = request.headers.get("Idempotency-Key")
        header = IdempotencyKeySerializer(data={} if given is None else {"key": given})
        if not header.is_valid():
            raise serializers.ValidationError({"Idempotency-Key": header.errors["key"]})
        form = CheckoutSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            order = operations.checkout(
                user=caller(request).id,
                email=caller(request).email,
                key=header.validated_data["key"],
                **form.validated_data,
            )
        except AddressNotFound as error:
            raise serializers.ValidationError({"address": [error.message]}, code=error.code) from None
        return Response(order, status=status.HTTP_201_CREATED)


class Orders(ListAPIView[Order]):
    """The caller's own orders, newest first."""

    serializer_class = OrderSerializer
    queryset = Order.objects.none()

    def get_queryset(self) -> Any:
        return operations.own(user=caller(self.request).id)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(operations.page(rows=list(rows or [])))


class OneOrder(APIView):
    @extend_schema(operation_id="get_order", responses=OrderSerializer)
    def get(self, request: Request, number: str) -> Response:
        return _found(operations.one(user=caller(request).id, number=number))


class Cancel(APIView):
    @extend_schema(operation_id="cancel_order", request=None, responses=OrderSerializer)
    def post(self, request: Request, number: str) -> Response:
        return _found(operations.cancel(user=caller(request).id, number=number))


class Overview(APIView):
    @extend_schema(operation_id="get_order_overview", responses=OverviewSerializer)
    def get(self, request: Request, number: str) -> Response:
        return _found(operations.overview(user=caller(request).id, number=number))
