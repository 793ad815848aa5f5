"""The host's Celery app: takes the events that customers are told of, and sends the mails."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifications.settings")

from strangler.chassis.worker import Periodic, worker_app


def send_mails() -> int:
    from shop.notifications.mailing import send_pending

    return send_pending()


app = worker_app(
    "notifications", periodic={"notifications.send_mails": Periodic("notifications", 1.0, send_mails)}
)
