"""The payment service provider's HTTP interface.

Every call carries an idempotency key, so repeating one after a lost answer is safe; all tries together
take at most `TOTAL_SECONDS`.
"""

import os
from decimal import Decimal
from typing import Any

import msgspec
import requests
import stamina
from requests.adapters import HTTPAdapter

from contracts.payments import PaymentDeclined, PaymentUnavailable

TOTAL_SECONDS = 2.0
CONNECT_SECONDS = 0.5
READ_SECONDS = 1.8


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


_session = requests.Session()
_session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=32))


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
    try:
        for attempt in stamina.retry_context(
            on=requests.ConnectionError, attempts=3, timeout=TOTAL_SECONDS, wait_initial=0.05, wait_max=0.3
        ):
            with attempt:
                return _once(path, body, key)
    except (requests.RequestException, Unreachable, ValueError) as error:
        raise PaymentUnavailable() from error
    raise PaymentUnavailable()


def _once(path: str, body: dict[str, str], key: str) -> Any:
    url = os.environ.get("PSP_URL", "http://127.0.0.1:9100") + path
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    answer = _session.post(url, json=body, headers={"Idempotency-Key": key}, timeout=timeout)
    if answer.status_code not in (200, 201, 402):
        raise Unreachable(f"{path}: {answer.status_code} {answer.text[:200]}")
    return answer.json()
