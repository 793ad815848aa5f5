"""Forgetting what is old costs what is forgotten, however much is not."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from strangler.chassis.events import sweeping
from strangler.chassis.events.models import Inbox, Outbox, Received

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_old_is_found_without_reading_what_is_not() -> None:
    now = timezone.now()
    common = {"type": "t", "aggregate": "a", "payload": {}, "delivered_at": now}
    Outbox.objects.bulk_create(Outbox(**common, published_at=now) for _ in range(3000))
    Received.objects.bulk_create(Received(**common, source="s") for _ in range(3000))
    Inbox.objects.bulk_create(Inbox(event_id=uuid4(), handler="h", domain="d") for _ in range(3000))
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as asked:
        for model in (Outbox, Received, Inbox):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
        assert sweeping.prune(relayed=True) == 0
    slices = [query["sql"] for query in asked if "LIMIT 5000" in query["sql"]]
    assert len(slices) == 3
    with connection.cursor() as cursor:
        for sql, index in zip(slices, ["outbox_age", "received_age", "inbox_age"], strict=True):
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert f"Index Scan using {index} on" in plan, plan
