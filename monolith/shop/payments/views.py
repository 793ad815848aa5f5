from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from shop.payments.models import Payment
from shop.payments.serializers import PaymentSerializer, QuerySerializer
from strangler.chassis.auth import caller


class Payments(ListAPIView[Payment]):
    """The payments of one of the caller's own orders."""

    serializer_class = PaymentSerializer
    queryset = Payment.objects.none()

    @extend_schema(operation_id="list_payments", parameters=[QuerySerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        form = QuerySerializer(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        own = Payment.objects.filter(user_id=caller(self.request).id, order=form.validated_data["order"])
        return own.order_by("id").prefetch_related("refunds")
