"""What payments does, for its own entry points and, through the port, for other domains."""

import logging
import time
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from contracts import payments as contract
from shop.payments import psp
from shop.payments.models import Intent, Payment, Refund

log = logging.getLogger(__name__)

ABANDONED_AFTER = timedelta(seconds=60)
RECONCILE_SECONDS = 10.0
"""Less than what lies between two runs."""


def payments(*, orders: list[str]) -> dict[str, contract.Payment]:
    rows = Payment.objects.filter(order__in=orders).prefetch_related("refunds")
    return {row.order: _dto(row, list(row.refunds.all())) for row in rows}


def prepare(*, order: str, user: int, key: str) -> None:
    Intent.objects.bulk_create([Intent(order=order, user_id=user)], ignore_conflicts=True)
    Intent.objects.filter(order=order, state=Intent.State.VOIDED).update(
        state=Intent.State.OPEN, attempt=F("attempt") + 1, prepared_at=timezone.now()
    )


@transaction.atomic
def charge(
    *, order: str, user: int, amount: Decimal, currency: str, token: str, key: str
) -> contract.Payment:
    # The lock keeps the reconciliation away from a charge whose transaction is still under way.
    intent = Intent.objects.select_for_update().filter(order=order).first()
    existing = Payment.objects.filter(order=order).first()
    if existing is not None:
        return _dto(existing, list(existing.refunds.all()))
    if intent is None or intent.state != Intent.State.OPEN:
        raise contract.PaymentUnavailable()
    charged = psp.charge(key=intent.psp_key, amount=amount, currency=currency, token=token)
    payment = Payment.objects.create(
        order=order, user_id=user, reference=charged.reference, amount=amount, currency=currency
    )
    intent.state = Intent.State.SETTLED
    intent.save(update_fields=["state"])
    return _dto(payment, [])


@transaction.atomic
def refund(*, order: str, key: str) -> contract.Payment | None:
    payment = Payment.objects.select_for_update().filter(order=order).first()
    if payment is None:
        return None
    if payment.status == Payment.Status.CAPTURED:
        refunded = psp.refund(reference=payment.reference, key=f"{order}-refund")
        Refund.objects.create(payment=payment, reference=refunded.reference, amount=refunded.amount)
        payment.status = Payment.Status.REFUNDED
        payment.save(update_fields=["status"])
    return _dto(payment, list(payment.refunds.all()))


def reconcile(*, limit: int = 5000) -> int:
    """Void charges that were prepared a while ago and never became a payment; how many were voided.

    Oldest first, until some seconds are over: every checkout that was refused leaves one. A charge whose
    transaction is still under way is locked, and passed over; one that cannot be voided waits for the next
    run.
    """
    ends, voided = time.monotonic() + RECONCILE_SECONDS, 0
    abandoned = Intent.objects.filter(
        state=Intent.State.OPEN, prepared_at__lt=timezone.now() - ABANDONED_AFTER
    )
    for pk in list(abandoned.order_by("prepared_at").values_list("pk", flat=True)[:limit]):
        if time.monotonic() >= ends:
            break
        try:
            with transaction.atomic():
                row = Intent.objects.select_for_update(skip_locked=True).filter(pk=pk, state="open")
                intent = row.first()
                if intent is None:
                    continue
                psp.void(key=intent.psp_key)
                intent.state = Intent.State.VOIDED
                intent.save(update_fields=["state"])
        except contract.PaymentUnavailable as error:
            log.warning("the charge of intent %s is not voided yet: %s", pk, error.__cause__)
            continue
        log.info("voided %s, which never became a payment", intent.psp_key)
        voided += 1
    return voided


def _dto(payment: Payment, refunds: list[Refund]) -> contract.Payment:
    return contract.Payment(
        order=payment.order,
        reference=payment.reference,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        refunds=[contract.Refund(reference=r.reference, amount=r.amount) for r in refunds],
    )
