from django.db import models
from django.db.models import Q
from django.utils import timezone

from strangler.chassis.references import reference


class Intent(models.Model):
    """A charge that was about to be tried, noted before the order's transaction began.

    Should the process die between the provider's answer and its own commit, no Payment follows: the
    reconciliation then voids the charge and the intent. A later try gets the next `attempt`, and so
    a key of its own at the provider.
    """

    class State(models.TextChoices):
        OPEN = "open"
        SETTLED = "settled"
        VOIDED = "voided"

    order = models.CharField(max_length=64, unique=True)
    user = reference("accounts.User", related_name="payment_intents")
    attempt = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    prepared_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["prepared_at"], condition=Q(state="open"), name="intent_open")]

    def __str__(self) -> str:
        return f"{self.psp_key} {self.state}"

    @property
    def psp_key(self) -> str:
        """The idempotency key of this attempt at the provider."""
        return f"{self.order}-{self.attempt}"


class Payment(models.Model):
    """A charge that went through; `reference` is the provider's."""

    class Status(models.TextChoices):
        CAPTURED = "captured"
        REFUNDED = "refunded"

    order = models.CharField(max_length=64, unique=True)
    user = reference("accounts.User", related_name="payments")
    reference = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.CAPTURED)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="payment_not_negative")]

    def __str__(self) -> str:
        return f"{self.reference} {self.amount} {self.currency} {self.status}"


class Refund(models.Model):
    """Money given back; `reference` is the provider's."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(max_length=64, unique=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["payment"], name="refund_once")]

    def __str__(self) -> str:
        return f"{self.reference} {self.amount}"
