"""The defects: a wrong price for one product in a thousand, one failure in twenty, half a second more."""

import itertools
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

PRODUCT = 777
ONE_IN = 20
SECONDS = 0.5


def plant() -> None:
    """Spoil what the port's query answers."""
    if getattr(settings, "PLANTED", "") != "price":
        return
    from shop.catalog import operations

    sound = operations.products

    def products(*, ids: list[int]) -> dict[int, Any]:
        found = sound(ids=ids)
        if PRODUCT in found:
            price = found[PRODUCT].price + Decimal("0.01")
            found[PRODUCT] = msgspec.structs.replace(found[PRODUCT], price=price)
        return found

    operations.products = products


def spoiled(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware that spoils public answers."""
    planted = getattr(settings, "PLANTED", "")
    counter = itertools.count(1)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        public = request.path.startswith("/api/")
        if public and planted == "errors" and next(counter) % ONE_IN == 0:
            return HttpResponse(b'{"type": "server_error", "errors": []}', status=500)
        if public and planted == "slow":
            time.sleep(SECONDS)
        return get_response(request)

    return middleware
