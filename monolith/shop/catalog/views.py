from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from shop.catalog import operations
from shop.catalog.models import Category
from shop.catalog.remembering import Remembered
from shop.catalog.serializers import (
    CategorySerializer,
    FiltersSerializer,
    ProductPageSerializer,
    ProductSerializer,
    parse_filters,
)
from strangler.chassis.auth import IsStaff, JWTAuthentication
from strangler.chassis.paging import Paging
from strangler.chassis.reads import PublicReads
from strangler.chassis.routes import BIGINT

WRITES = ("POST", "PATCH", "DELETE")
encode = msgspec.json.Encoder().encode


def _json(value: Any) -> HttpResponse:
    return HttpResponse(encode(value), content_type="application/json")


@Remembered
def _page(query: str) -> tuple[int | None, int]:
    """Page number and size of a query string, as `Paging` understands them; None for the last page."""
    given = QueryDict(query)
    page = given.get("page") or "1"
    length = min(_whole(given.get("page_size", "")), Paging.max_page_size)
    length = length if length > 0 else Paging.page_size
    if page in Paging.last_page_strings:
        return None, length
    number = _whole(page)
    if not 0 < number * length <= BIGINT:
        raise exceptions.NotFound("Invalid page.")
    return number, length


def _whole(text: str) -> int:
    """The whole number that Python reads in it, or 0."""
    try:
        return int(text)
    except ValueError:
        return 0


@Remembered
def _link(url: str, page: int) -> str:
    return replace_query_param(url, "page", page) if page > 1 else remove_query_param(url, "page")


@contextmanager
def _told() -> Iterator[None]:
    """What the form could not know, in its words."""
    try:
        yield
    except operations.SkuTaken:
        raise serializers.ValidationError({"sku": ["This SKU is taken."]}, code="unique") from None
    except operations.NoSuchCategory:
        text = "There is no such category."
        raise serializers.ValidationError({"category": [text]}, code="does_not_exist") from None


class _StaffWrites(PublicReads):
    """Everybody reads without being asked who they are; staff write."""

    def get_authenticators(self) -> list[Any]:
        return [JWTAuthentication()] if self._writing() else []

    def get_permissions(self) -> list[Any]:
        return [IsStaff()] if self._writing() else []

    def _writing(self) -> bool:
        # drf-spectacular asks with a request of its own; OPTIONS is nobody's.
        return getattr(self, "request", None) is not None and self.request.method in WRITES


@extend_schema_view(
    get=extend_schema(
        operation_id="list_products",
        parameters=[
            FiltersSerializer,
            OpenApiParameter("page", OpenApiTypes.INT, description="From 1"),
            OpenApiParameter("page_size", OpenApiTypes.INT, description="Up to 100, else 20"),
        ],
        responses={200: ProductPageSerializer},
        auth=[],
    )
)
class Products(_StaffWrites):
    def read(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        filters = parse_filters(query)
        number, size = _page(query)
        offset = None if number is None else (number - 1) * size
        count, rows = operations.list_products(filters=filters, offset=offset, limit=size)
        if number is None:
            number = max(-(-count // size), 1)
        if not rows and number > 1:
            raise exceptions.NotFound("Invalid page.")
        url = f"{request.scheme}://{request.get_host()}{request.path}?{query}"
        following = _link(url, number + 1) if number * size < count else None
        previous = _link(url, number - 1) if number > 1 else None
        return _json({"count": count, "next": following, "previous": previous, "results": rows})

    @extend_schema(
        operation_id="create_product", request=ProductSerializer, responses={201: ProductSerializer}
    )
    def post(self, request: Request) -> Response:
        form = ProductSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with _told():
            created = operations.create_product(**form.validated_data)
        return Response(created, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(operation_id="get_product", responses=ProductSerializer, auth=[]))
class OneProduct(_StaffWrites):
    def read(self, request: HttpRequest, product: int) -> HttpResponse:
        found = operations.product(product=product)
        if found is None:
            raise exceptions.NotFound
        return _json(found)

    @extend_schema(operation_id="change_product", request=ProductSerializer, responses=ProductSerializer)
    def patch(self, request: Request, product: int) -> HttpResponse:
        row = operations.active_product(product=product)
        if row is None:
            raise exceptions.NotFound
        form = ProductSerializer(row, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        with _told():
            changed = operations.change_product(product=product, **form.validated_data)
        if changed is None:
            raise exceptions.NotFound
        return _json(changed)

    @extend_schema(operation_id="withdraw_product", request=None, responses={204: None})
    def delete(self, request: Request, product: int) -> Response:
        if not operations.withdraw_product(product=product):
            raise exceptions.NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class Categories(ListAPIView[Category]):
    authentication_classes = []
    permission_classes = []
    serializer_class = CategorySerializer
    queryset = Category.objects.order_by("name", "id")
