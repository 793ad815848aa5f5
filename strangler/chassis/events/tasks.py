"""The worker's part in events: Celery tasks that handle what arrived, and what comes back to the rest."""

import logging
import os
import zlib
from collections.abc import Sequence
from typing import Any

from amqp import AMQPError
from celery import Celery, bootsteps
from kombu.exceptions import OperationalError

from strangler.chassis.events.health import Health
from strangler.chassis.events.ingress import Ingress
from strangler.chassis.events.receiving import Stored
from strangler.chassis.events.registry import subscribed_types

log = logging.getLogger(__name__)

HANDLE = "events.handle"
SWEEP = "events.deliver"
PRUNE = "events.prune"
SWEEP_SECONDS = 2.0
LANES, WORTH_A_LANE = 4, 25
"""Into as many tasks a batch is divided, by aggregate, if there are so many events for each."""


def install(app: Celery, *, host: str, broker: str) -> None:
    """Let the app's worker handle the events of other hosts, and what was left of any."""

    def handle(rows: list[int], *, redelivered: bool) -> None:
        from strangler.chassis.events.delivery import deliver
        from strangler.chassis.events.models import UNFINISHED, Received

        deliver(list(Received.objects.filter(UNFINISHED, pk__in=rows).order_by("pk")), again=redelivered)

    @app.task(name=HANDLE, bind=True)
    def handle_events(self: Any, rows: list[int]) -> None:
        handle(rows, redelivered=bool((self.request.delivery_info or {}).get("redelivered")))

    @app.task(name=SWEEP)
    def deliver_events() -> int:
        from strangler.chassis.events.sweeping import sweep

        return sweep(host=host, broker=broker)

    @app.task(name=PRUNE)
    def prune_events() -> int:
        from strangler.chassis.events.sweeping import prune

        return prune()

    def dispatch(rows: Sequence[Stored]) -> None:
        """A task for each lane. What cannot be sent, or is lost, the sweeper finds."""
        lanes: dict[int, list[int]] = {}
        wide = min(LANES, 1 + len(rows) // WORTH_A_LANE)
        for row in rows:
            lane = zlib.crc32(f"{row.source} {row.aggregate}".encode()) % wide
            lanes.setdefault(lane, []).append(row.id)
        for ids in lanes.values():
            try:
                handle_events.apply_async(args=(ids,), retry=False)
            except (OSError, AMQPError, OperationalError) as error:
                log.warning("%d events wait for the sweeper: %s", len(ids), error)

    class Arrivals(bootsteps.StartStopStep):
        """Takes events while the worker works."""

        requires = ("celery.worker.components:Pool",)

        def __init__(self, worker: Any, **options: Any) -> None:
            super().__init__(worker, **options)
            self.ingress = Ingress(broker=broker, host=host, types=subscribed_types(), dispatch=dispatch)
            self.health = Health(lambda: {} if self.ingress.connected else {"broker": "down"})

        def start(self, worker: Any) -> None:
            self.ingress.start()
            self.health.start(os.environ.get("BIND", ""))

        def stop(self, worker: Any) -> None:
            self.ingress.stop()

    app.steps["worker"].add(Arrivals)
