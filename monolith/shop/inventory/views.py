import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from shop.inventory import operations
from shop.inventory.serializers import AdjustmentSerializer, StockSerializer
from strangler.chassis.auth import IsStaff


class StockOfProduct(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(operation_id="get_stock", responses=StockSerializer, auth=[])
    def get(self, request: Request, product: int) -> Response:
        found = operations.stock(products=[product]).get(product)
        if found is None:
            raise exceptions.NotFound
        return Response(msgspec.to_builtins(found))


class Adjust(APIView):
    permission_classes = [IsStaff]
    problems = {409: "Fewer pieces would remain than are held for orders."}

    @extend_schema(operation_id="adjust_stock", request=AdjustmentSerializer, responses=StockSerializer)
    def post(self, request: Request, product: int) -> Response:
        form = AdjustmentSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            adjusted = operations.adjust(product=product, **form.validated_data)
        except operations.TooMany:
            text = f"More than {operations.MOST} pieces would be on hand."
            raise serializers.ValidationError({"delta": [text]}, code="max_value") from None
        if adjusted is None:
            raise exceptions.NotFound
        return Response(msgspec.to_builtins(adjusted))
