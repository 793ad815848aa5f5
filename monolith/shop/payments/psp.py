"""The payment service provider's HTTP interface.

Every call carries an idempotency key, so repeating one after a lost answer is safe; all tries together
take at most `TOTAL_SECONDS`, however slowly an answer comes: the stock of an order is locked meanwhile.
"""

import os
import time
from decimal import Decimal
from typing import Any

import msgspec
import requests
import stamina

from contracts.payments import PaymentDeclined, PaymentUnavailable
from shop.payments import bounded

TOTAL_SECONDS = 2.0
LONGEST_BYTES = 65536


class Unreachable(Exception):
    """The provider did not answer, or not with sense."""


class Charge(msgspec.Struct):
    """A charge as the provider knows it; `status` is approved, declined, voided or refunded."""

    reference: str
    status: str
    amount: Decimal
    currency: str


class Refunded(msgspec.Struct):
    """Money that the provider gave back."""

    reference: str
    amount: Decimal


def charge(*, key: str, amount: Decimal, currency: str, token: str) -> Charge:
    """Charge the token once a key; raises PaymentDeclined, PaymentUnavailable."""
    body = {"amount": str(amount), "currency": currency, "token": token}
    answer = msgspec.convert(_post("/charges", body, key), Charge, strict=False)
    if answer.status != "approved":
        raise PaymentDeclined()
    return answer


def void(*, key: str) -> None:
    """Take back what was charged under the key, and have it refused from now on."""
    _post(f"/charges/{key}/void", {}, key)


def refund(*, reference: str, key: str) -> Refunded:
    """Give a charge's whole amount back, once."""
    return msgspec.convert(_post(f"/charges/{reference}/refund", {}, key), Refunded, strict=False)


def _post(path: str, body: dict[str, str], key: str) -> Any:
    ends = time.monotonic() + TOTAL_SECONDS
    try:
        for attempt in stamina.retry_context(
            on=requests.ConnectionError, attempts=3, timeout=TOTAL_SECONDS, wait_initial=0.05, wait_max=0.3
        ):
            with attempt:
                return _once(path, body, key, ends)
    except (requests.RequestException, Unreachable, ValueError) as error:
        raise PaymentUnavailable() from error
    raise PaymentUnavailable()


def _once(path: str, body: dict[str, str], key: str, ends: float) -> Any:
    url = os.environ.get("PSP_URL", "http://127.0.0.1:9100") + path
    headers = {"Idempotency-Key": key}
    status, answer = bounded.post(url, json=body, headers=headers, ends=ends, longest=LONGEST_BYTES)
    if status not in (200, 201, 402):
        raise Unreachable(f"{path}: {status} {answer[:200]!r}")
    return msgspec.json.decode(answer)
