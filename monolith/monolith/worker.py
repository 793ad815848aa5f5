"""The monolith's Celery app: what runs in the background, and how often."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monolith.settings")

from strangler.chassis.worker import Periodic, worker_app


def send_mails() -> int:
    from shop.notifications.mailing import send_pending

    return send_pending()


def reconcile_payments() -> int:
    from shop.payments.operations import reconcile

    return reconcile()


app = worker_app(
    "monolith",
    periodic={
        "notifications.send_mails": Periodic("notifications", 1.0, send_mails),
        "payments.reconcile": Periodic("payments", 15.0, reconcile_payments),
    },
)
