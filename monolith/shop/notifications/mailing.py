"""Sending what is unsent: at least once, by any number of workers, whatever the mail server does.

A row is locked while it is sent and marked in the same transaction, so two workers never send it at once.
A worker that dies between the server's answer and its commit sends it again, with the same Message-ID, by
which mail programs know it is the same message (RFC 5322, 3.6.4).
"""

import logging
import smtplib
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.utils import timezone

from shop.notifications.models import Notification
from strangler.chassis.ownership import hold

logger = logging.getLogger(__name__)

SENDER = "Shop <orders@shop.example>"
DOMAIN = "shop.example"
BUDGET_SECONDS = 10.0
LONGEST_WAIT = 300
"""Seconds between two attempts at most; attempts never end while the server is merely out of reach."""


def send_pending(*, limit: int = 100) -> int:
    """Send what is due, oldest first, at most `limit`; returns how many were sent.

    Begins no mail after BUDGET_SECONDS; a slow server may take EMAIL_TIMEOUT for each step of the last one.
    Stops at the first sign that the server is out of reach. The rest waits for the next call.
    """
    ends, sent = time.monotonic() + BUDGET_SECONDS, 0
    server = get_connection()
    try:
        for _ in range(limit):
            if time.monotonic() >= ends:
                break
            outcome = _send_one(server)
            if outcome is None or outcome == "unreachable":
                break
            sent += outcome == "sent"
            if outcome != "sent":
                _close(server)  # whatever the server thinks of it now, the next mail begins anew
    finally:
        _close(server)
    return sent


def _send_one(server: Any) -> str | None:
    """`sent`, `refused`, `later` or `unreachable`; None if nothing is due."""
    with transaction.atomic():
        # A mail is out for good: nobody takes the domain away, and sends it too, before this one is noted.
        hold("notifications")
        row = (
            Notification.objects.select_for_update(skip_locked=True)
            .filter(sent_at=None, refused_at=None, send_after__lte=timezone.now())
            .order_by("send_after", "id")
            .first()
        )
        if row is None:
            return None
        outcome = _deliver(server, row)
        row.save(update_fields=["sent_at", "refused_at", "send_after", "attempts", "last_error"])
        return outcome


def _deliver(server: Any, row: Notification) -> str:
    row.attempts += 1
    message = EmailMessage(
        subject=row.subject,
        body=row.body,
        from_email=SENDER,
        to=[row.email],
        headers={"Message-ID": f"<notification-{row.pk}@{DOMAIN}>", "Date": format_datetime(row.created_at)},
        connection=server,
    )
    now = timezone.now()
    try:
        server.open()  # or each mail would open and close a connection of its own
        message.send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
        row.last_error = str(error)[:1000]
        if _permanent(error):
            row.refused_at = now
            logger.error("E-mail %s refused for good: %s", row.pk, row.last_error)
            return "refused"
        row.send_after = now + _wait(row.attempts)
        return "later"
    except (OSError, smtplib.SMTPException) as error:
        row.last_error = str(error)[:1000]
        row.send_after = now + _wait(row.attempts)
        logger.warning("Mail server out of reach, e-mail %s waits: %s", row.pk, error)
        return "unreachable"
    except ValueError as error:
        # No server will be asked: the address or a header cannot be written as a mail has it.
        row.last_error, row.refused_at = str(error)[:1000], now
        logger.error("E-mail %s cannot be written: %s", row.pk, row.last_error)
        return "refused"
    except Exception as error:
        # A defect of ours, and of this e-mail alone: the others do not wait for it.
        row.last_error, row.send_after = repr(error)[:1000], now + _wait(row.attempts)
        logger.exception("E-mail %s waits", row.pk)
        return "later"
    row.sent_at, row.last_error = now, ""
    return "sent"


def _permanent(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException) -> bool:
    """Whether the server's code is in the 500s (RFC 5321, 4.2.1): it will not change its mind."""
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError | smtplib.SMTPAuthenticationError):
        return False
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return all(code >= 500 for code, _ in error.recipients.values())


def _wait(attempts: int) -> timedelta:
    return timedelta(seconds=min(2 ** min(attempts, 10), LONGEST_WAIT))


def _close(server: Any) -> None:
    try:
        server.close()
    except (OSError, smtplib.SMTPException) as error:
        logger.info("Mail server hung up: %s", error)
