"""Customers hear of their orders: in the shop at once, by e-mail sooner or later, in each case once."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from contracts.notifications import notifications
from contracts.orders import OrderCancelled, OrderPlaced
from shop.accounts.models import User
from shop.notifications import mailing, operations
from shop.notifications.models import Notification
from strangler.chassis.events import publish
from tests.ports import free_port, wait_for

PLACED = {"number": "A-1", "email": "ada@shop.example", "total": Decimal("12.30"), "currency": "EUR"}


def note(user: User, **change: Any) -> None:
    fields = {
        "email": user.email,
        "order": "A-1",
        "kind": "order_placed",
        "subject": "S",
        "body": "B",
        **change,
    }
    operations.notify(user=user.id, **fields)


class Sink:
    """The SMTP sink as a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.smtp, self.http = free_port(), free_port()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),
            "SMTP_BIND": f"127.0.0.1:{self.smtp}",
            "HTTP_BIND": f"127.0.0.1:{self.http}",
            "SMTP_STATE": str(directory / "mails.sqlite"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        command = [sys.executable, "-m", "tests.outside.smtp"]
        self.process = subprocess.Popen(command, env={**self.environment, **environment})
        wait_for(self.answers)

    def answers(self) -> bool:
        try:
            self.get("/livez")
            with smtplib.SMTP("127.0.0.1", self.smtp, timeout=2):
                return True
        except OSError:
            return False

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(10)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=2) as answer:
            return json.load(answer)

    @property
    def mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self.get("/mails")
        return mails


@pytest.fixture
def sink(tmp_path: Path, settings: Any) -> Iterator[Sink]:
    sink = Sink(tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.smtp
    yield sink
    sink.stop()


def due() -> None:
    """Let the waits pass."""
    Notification.objects.update(send_after=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
class TestOwn:
    def test_newest_first_and_nobody_elses(
        self, customer: APIClient, user: User, make_user: Callable[..., User]
    ) -> None:
        note(user, subject="first")
        note(user, subject="second")
        note(make_user("eve@shop.example"), subject="hers")
        answer = customer.get("/api/notifications").json()
        assert [row["subject"] for row in answer["results"]] == ["second", "first"]
        assert set(answer["results"][0]) == {"id", "kind", "subject", "body", "created_at"}
        assert APIClient().get("/api/notifications").status_code == 401

    def test_about_order(self, user: User, make_user: Callable[..., User]) -> None:
        note(user, subject="about it")
        note(user, order="A-2")
        assert [n.subject for n in notifications.about_order(user=user.id, order="A-1")] == ["about it"]
        assert notifications.about_order(user=make_user("eve@shop.example").id, order="A-1") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        (OrderPlaced, "order_placed", ["A-1", "12.30 EUR", "payment"]),
        (OrderCancelled, "order_cancelled", ["A-1", "12.30 EUR", "cancelled"]),
    ],
)
def test_events_become_notifications(user: User, event: Any, kind: str, words: list[str]) -> None:
    with transaction.atomic():
        publish(event(user=user.id, **PLACED))
    told = Notification.objects.get()
    assert (told.kind, told.order, told.email, told.user_id) == (kind, "A-1", user.email, user.id)
    assert all(word in told.subject + told.body for word in words)


@pytest.mark.django_db(transaction=True)
class TestMailing:
    def test_sends_once_with_a_stable_id(self, user: User, sink: Sink) -> None:
        sink.start()
        note(user, subject="Grüße", body="Ä\n.\nende")
        assert mailing.send_pending() == 1
        assert mailing.send_pending() == 0
        told = Notification.objects.get()
        assert told.sent_at is not None
        (mail,) = sink.mails
        assert mail["message_id"] == f"<notification-{told.id}@shop.example>"
        assert (mail["recipient"], mail["subject"]) == (user.email, "Grüße")
        assert mail["body"].strip() == "Ä\n.\nende"

    def test_nothing_is_lost_while_the_server_is_down(self, user: User, sink: Sink) -> None:
        for _ in range(3):
            note(user)
        assert mailing.send_pending() == 0
        assert Notification.objects.filter(attempts=1).count() == 1, "it stops at the first sign"
        waiting = Notification.objects.get(attempts=1)
        assert waiting.send_after > timezone.now()
        assert waiting.last_error
        due()
        sink.start()
        assert mailing.send_pending() == 3
        assert len(sink.mails) == 3

    def test_what_was_taken_survives_kill_9(self, user: User, sink: Sink) -> None:
        sink.start()
        note(user)
        assert mailing.send_pending() == 1
        sink.stop(signal.SIGKILL)
        sink.start()
        assert len(sink.mails) == 1

    def test_refusals(self, user: User, sink: Sink) -> None:
        sink.start()
        note(user, email="a@refused.example")
        note(user, email="b@later.example")
        note(user)
        assert mailing.send_pending() == 1
        refused, later, sent = Notification.objects.order_by("id")
        assert refused.refused_at is not None
        assert later.refused_at is None
        assert later.send_after > timezone.now()
        assert sent.sent_at is not None
        due()
        assert mailing.send_pending() == 0
        assert Notification.objects.get(pk=refused.pk).attempts == 1
        assert Notification.objects.get(pk=later.pk).attempts == 2

    def test_a_run_keeps_its_connection_until_something_went_wrong(
        self, user: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink.start()
        opened: list[smtplib.SMTP] = []
        connect = smtplib.SMTP.connect

        def counted(self: smtplib.SMTP, *arguments: Any, **options: Any) -> Any:
            opened.append(self)
            return connect(self, *arguments, **options)

        monkeypatch.setattr(smtplib.SMTP, "connect", counted)
        for email in [user.email, user.email, "a@later.example", user.email, user.email]:
            note(user, email=email)
        assert mailing.send_pending() == 4
        assert len(opened) == 2
        assert all(server.sock is None for server in opened), "none is left open"

    def test_what_cannot_be_written_as_a_mail_holds_nobody_up(
        self, user: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink.start()
        note(user, email="a@" + "é" * 58 + ".example")
        note(user, subject="two\nlines")
        note(user)
        assert mailing.send_pending() == 1
        address, subject, sent = Notification.objects.order_by("id")
        assert sent.sent_at
        assert all(row.refused_at and row.last_error for row in (address, subject))

    def test_a_defect_over_one_mail_holds_nobody_up(
        self, user: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send = EmailMessage.send

        def broken(message: Any) -> int:
            if message.subject == "odd":
                raise KeyError("odd")
            return send(message)

        monkeypatch.setattr(EmailMessage, "send", broken)
        sink.start()
        note(user, subject="odd")
        note(user)
        assert mailing.send_pending() == 1
        odd = Notification.objects.get(subject="odd")
        assert (odd.refused_at, odd.attempts, odd.last_error) == (None, 1, "KeyError('odd')")
        assert odd.send_after > timezone.now()

    def test_waits_grow_but_not_beyond_a_bound(self) -> None:
        waits = [mailing._wait(n).total_seconds() for n in (1, 2, 3, 9, 1000)]
        assert waits == [2, 4, 8, 300, 300]

    def test_a_batch_is_bounded(self, user: User, sink: Sink) -> None:
        sink.start()
        for _ in range(4):
            note(user)
        assert mailing.send_pending(limit=3) == 3
        assert mailing.send_pending(limit=3) == 1

    def test_a_slow_server_keeps_no_thread_for_long(
        self, user: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink.start(SMTP_SLOW_SECONDS="0.4")
        monkeypatch.setattr(mailing, "BUDGET_SECONDS", 1.0)
        for _ in range(20):
            note(user)
        first = mailing.send_pending()
        assert 1 <= first <= 3
        assert mailing.send_pending() >= 1
        assert len(sink.mails) < 20

    def test_two_workers_never_send_the_same(self, user: User, sink: Sink) -> None:
        sink.start()
        for _ in range(20):
            note(user)
        counts: list[int] = []

        def work() -> None:
            try:
                counts.append(mailing.send_pending())
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sum(counts) == 20
        assert len({mail["message_id"] for mail in sink.mails}) == len(sink.mails) == 20

    def test_a_crash_after_sending_sends_it_again_under_the_same_id(
        self, user: User, sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sink.start()
        note(user)

        def crash(self: Notification, **arguments: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(Notification, "save", crash)
            with pytest.raises(SystemExit):
                mailing.send_pending()
        assert mailing.send_pending() == 1
        first, second = sink.mails
        assert first["message_id"] == second["message_id"]
