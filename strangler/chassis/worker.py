"""A host's Celery worker: `python -m strangler.chassis.worker monolith.worker:app`.

One process: task threads, a thread that takes other hosts' events, and the beat that sends the periodic
tasks. Settings follow what RabbitMQ's quorum queues need and Celery does not do by itself: publisher confirms
with a timeout, acknowledgement after the work, and no remote control or gossip, which would need transient
queues. With BIND set it answers `/livez` and `/readyz` there.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, NamedTuple

from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutdown

from strangler.chassis import logs, tracing

log = logging.getLogger(__name__)

THREADS = 4
CONFIRM_SECONDS = 5.0


class Periodic(NamedTuple):
    """A domain's task: run every so many seconds by the host that owns the domain, and by no other; in each
    of its worker processes by one thread at a time. A worker that is told to stop waits for `function`, which
    is to end within the time that a process has for that, or to bear being killed."""

    domain: str
    seconds: float
    function: Callable[[], Any]


def worker_app(service: str, *, periodic: Mapping[str, Periodic]) -> Celery:
    """The host's Celery app with its own quorum queue. `periodic`: by name. Those of domains that are not
    hosted here are left out."""
    import django

    django.setup()
    from strangler.chassis import ports
    from strangler.chassis.events import sweeping, topology
    from strangler.chassis.events import tasks as events

    broker = os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//")
    # Without its fixup for Django, which connects to the database anew for each task.
    app = Celery(service, broker=broker, fixups=[])
    app.conf.update(
        task_default_queue=topology.tasks(service),
        task_default_queue_type="quorum",
        task_default_exchange_type="topic",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_time_limit=None,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"confirm_publish": True, "confirm_timeout": CONFIRM_SECONDS},
        beat_max_loop_interval=1,
        timezone="UTC",
    )
    events.install(app, host=service, broker=broker)
    schedule(app, events.SWEEP, events.SWEEP_SECONDS)
    schedule(app, events.PRUNE, sweeping.PRUNE_SECONDS)
    for name, task in periodic.items():
        if ports.hosted(task.domain):
            app.task(name=name)(where_owned(task))
            schedule(app, name, task.seconds)
    return app


def schedule(app: Celery, name: str, seconds: float) -> None:
    """Let the beat send the task so often."""
    # A run that waited this long is superseded by the next one.
    entry = {"task": name, "schedule": seconds, "options": {"expires": max(seconds * 2, 5)}}
    app.conf.beat_schedule = {**app.conf.beat_schedule, name: entry}


def where_owned(task: Periodic) -> Callable[[], Any]:
    """The task's function, which does nothing while its domain is another host's, or while a run before has
    not ended: where runs are slow, the other threads are for other tasks."""
    from strangler.chassis.ownership import learn, moved, owned_here

    running = threading.Lock()

    @wraps(task.function)
    def run() -> Any:
        if not owned_here(task.domain) or not running.acquire(blocking=False):
            return None
        try:
            return task.function()
        except Exception as error:
            refusal = moved(error)
            if refusal is None:
                raise
            learn(refusal.domain, refusal.owner, refusal.epoch)
            log.info("%s: %s", task.function.__name__, refusal)
            return None
        finally:
            running.release()

    return run


def run(app: Celery) -> None:
    """Work until SIGTERM: then finish what is under way."""
    # In memory: its default keeps a file in the working directory, which workers side by side would share.
    beat: Any = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)

    task_prerun.connect(_look_at_connections, weak=False)
    task_postrun.connect(_look_at_connections, weak=False)

    @worker_ready.connect(weak=False)
    def start_beat(**_: Any) -> None:
        beat.start()

    # Not before: the worker looks whether it shall stop when a message wakes it, and the beat sends them.
    @worker_shutdown.connect(weak=False)
    def stop_beat(**_: Any) -> None:
        beat.stop()

    for chatty in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
        # A line for each task that was sent, taken and done; failures are told at a higher level.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", "--loglevel=INFO", *quiet])


def _look_at_connections(**_: Any) -> None:
    """A thread keeps its connection, unless it broke: as Django does around requests."""
    from django.db import close_old_connections

    close_old_connections()


def main() -> None:
    logs.configure()
    module, _, attribute = sys.argv[1].partition(":")
    app = getattr(import_module(module), attribute or "app")
    # After the module, which names the Django settings: tracing reads them.
    tracing.start()
    run(app)


if __name__ == "__main__":
    main()
