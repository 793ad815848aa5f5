"""Payments: charges and refunds at the payment service provider (PSP)."""

from decimal import Decimal

import msgspec

from strangler.chassis.errors import ContractError
from strangler.chassis.ports import Port, command, query


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back."""

    reference: str
    amount: Decimal


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A charge; `status` is `captured` or `refunded`, `reference` is the PSP's."""

    order: str
    reference: str
    status: str
    amount: Decimal
    currency: str
    refunds: list[Refund]


class PaymentDeclined(ContractError):
    """The payment was declined."""

    code = "payment_declined"
    status = 402


class PaymentUnavailable(ContractError):
    """The payment provider does not answer, and nothing was ordered. Try again."""

    code = "payment_unavailable"
    status = 503


class Payments(Port):
    """The port of the money."""

    domain = "payments"

    @query(batched=True)
    def payments(self, *, orders: list[str]) -> dict[str, Payment]:
        """The payments of these orders by order number; orders without a payment are left out."""

    @command
    def prepare(self, *, order: str, user: int, key: str) -> None:
        """Note durably that a charge for `order` is about to be tried. Call it outside any transaction:
        should the caller die between the provider's answer and its commit, the charge is found by this
        note and taken back."""

    @command(raises=[PaymentDeclined, PaymentUnavailable])
    def charge(
        self, *, order: str, user: int, amount: Decimal, currency: str, token: str, key: str
    ) -> Payment:
        """Charge a prepared order with the customer's payment token."""

    @command(raises=[PaymentUnavailable])
    def refund(self, *, order: str, key: str) -> Payment | None:
        """Give the order's whole payment back; None where nothing was charged."""


payments = Payments()
