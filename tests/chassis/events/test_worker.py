"""A worker's periodic tasks belong to domains: they run where the domain is owned."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from shop.accounts.models import User
from shop.notifications import mailing, operations
from shop.notifications.models import Notification
from strangler.chassis import ownership
from strangler.chassis.events import tasks
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.ownership.schema import SCHEMA
from strangler.chassis.worker import Periodic, where_owned, worker_app

DOMAIN = "notifications"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    ownership.forget(DOMAIN)


def test_tasks_of_domains_that_are_not_hosted_are_left_out() -> None:
    app = worker_app(
        "here",
        periodic={"near.task": Periodic(DOMAIN, 3.0, list), "far.task": Periodic("elsewhere", 3.0, list)},
    )
    assert app.conf.beat_schedule["near.task"]["schedule"] == 3.0
    assert {"near.task", tasks.SWEEP, tasks.PRUNE} == set(app.conf.beat_schedule)
    assert {"near.task", tasks.HANDLE, tasks.SWEEP, tasks.PRUNE} <= set(app.tasks)
    assert "far.task" not in app.tasks


def test_task_runs_where_its_domain_is_owned_and_nowhere_else() -> None:
    runs: list[str] = []
    task = where_owned(Periodic(DOMAIN, 1.0, lambda: runs.append("run")))
    task()
    ownership.learn(DOMAIN, "elsewhere", 2)
    task()
    ownership.learn(DOMAIN, ownership.host(), 3)
    task()
    assert len(runs) == 2


def test_task_whose_domain_moves_meanwhile_ends_quietly_and_others_do_not() -> None:
    def refused() -> None:
        raise DomainMoved(DOMAIN, "elsewhere", 7)

    def broken() -> None:
        raise ZeroDivisionError

    where_owned(Periodic(DOMAIN, 1.0, refused))()
    assert ownership.owner_of(DOMAIN) == "elsewhere"
    ownership.forget(DOMAIN)
    with pytest.raises(ZeroDivisionError):
        where_owned(Periodic(DOMAIN, 1.0, broken))()


def test_task_that_is_still_running_is_not_begun_again() -> None:
    begun, end = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert end.wait(20)
        return "done"

    task = where_owned(Periodic(DOMAIN, 1.0, slow))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(task)
        assert begun.wait(20)
        assert pool.submit(task).result(timeout=5) is None
        end.set()
        assert first.result(timeout=20) == "done"
    assert task() == "done"


@pytest.fixture
def moved(transactional_db: None) -> Iterator[None]:
    """The database says that notifications are elsewhere's; this process has not heard."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        cursor.execute("INSERT INTO strangler.ownership VALUES (%s, 'monolith', 'elsewhere', 7)", [DOMAIN])
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA strangler CASCADE")


def test_no_mail_is_sent_by_a_host_that_does_not_own_them(moved: None) -> None:
    user = User.objects.create(email="ada@shop.example", name="Ada")
    with transaction.atomic():
        operations.notify(user=user.pk, email=user.email, order="A", kind="k", subject="S", body="B")
    with pytest.raises(DomainMoved):
        mailing.send_pending()
    where_owned(Periodic(DOMAIN, 1.0, mailing.send_pending))()
    assert list(Notification.objects.values_list("attempts", "sent_at")) == [(0, None)]
