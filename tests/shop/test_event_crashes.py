"""An event has its effect once, wherever the process that handles it is killed."""

import os
import signal
import subprocess
import sys
from decimal import Decimal

import pytest
from django.db import connection, transaction

from contracts.orders import OrderPlaced
from shop.accounts.models import User
from shop.notifications.models import Notification
from strangler.chassis.events import publish
from strangler.chassis.events.delivery import deliver
from strangler.chassis.events.models import Inbox, Outbox
from tests.python_path import PYTHON_PATH, ROOT

DIES = """
import os, signal, sys
import django
django.setup()
from shop.notifications import operations
from strangler.chassis.events import delivery
from strangler.chassis.events.delivery import deliver
from strangler.chassis.events.models import Outbox

def die_after(owner, name):
    whole = getattr(owner, name)
    def dies(*arguments, **named):
        whole(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, dies)

def die_before(owner, name):
    setattr(owner, name, lambda *arguments, **named: os.kill(os.getpid(), signal.SIGKILL))

{how}
deliver([Outbox.objects.get()])
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("how", "effects"),
    [
        pytest.param("die_before(operations, 'notify')", 0, id="before the effect"),
        pytest.param("die_after(operations, 'notify')", 0, id="between effect and commit"),
        pytest.param("die_before(delivery, '_finish')", 0, id="after the effect, before the note of it"),
        pytest.param("die_after(delivery, '_handle')", 1, id="after the commit"),
    ],
)
def test_killed(user: User, monkeypatch: pytest.MonkeyPatch, how: str, effects: int) -> None:
    with monkeypatch.context() as patch, transaction.atomic():
        patch.setattr(transaction, "on_commit", lambda function: None)  # the killed process will do it
        order = OrderPlaced(
            number="X1", user=user.pk, email=user.email, total=Decimal("1.00"), currency="EUR"
        )
        publish(order)
    row = Outbox.objects.get()
    where = connection.settings_dict
    database = f"postgresql://{where['USER']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    killed = subprocess.run(
        [sys.executable, "-c", DIES.format(how=how)],
        env={**os.environ, "DATABASE_URL": database, "PYTHONPATH": PYTHON_PATH},
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert Notification.objects.count() == Inbox.objects.count() == effects
    for _ in range(2):
        deliver([row])
    assert Notification.objects.count() == Inbox.objects.count() == 1
    row.refresh_from_db()
    assert row.delivered_at is not None
