"""A host's Celery worker: `python -m strangler.chassis.worker monolith.worker:app`.

One process: task threads and the beat that sends the periodic tasks. Settings follow what RabbitMQ's
quorum queues need and Celery does not do by itself: publisher confirms with a timeout, acknowledgement
after the work, and no remote control or gossip, which would need transient queues.
"""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.signals import worker_ready, worker_shutdown

from strangler.chassis import logs, tracing

THREADS = 4
CONFIRM_SECONDS = 5.0
Periodic = Mapping[str, tuple[float, Callable[[], Any]]]


def worker_app(service: str, *, periodic: Periodic) -> Celery:
    """The host's Celery app with its own quorum queue. `periodic`: task name → (seconds between runs,
    function without arguments)."""
    import django

    django.setup()
    app = Celery(service, broker=os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//"))
    app.conf.update(
        task_default_queue=f"{service}.tasks",
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
    for name, (seconds, function) in periodic.items():
        app.task(name=name)(function)
        # A run that waited this long is superseded by the next one.
        entry = {"task": name, "schedule": seconds, "options": {"expires": max(seconds * 2, 5)}}
        app.conf.beat_schedule = {**app.conf.beat_schedule, name: entry}
    return app


def run(app: Celery) -> None:
    """Work until SIGTERM: then finish what is under way."""
    # In memory: its default keeps a file in the working directory, which workers side by side would share.
    beat: Any = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)

    @worker_ready.connect(weak=False)
    def start_beat(**_: Any) -> None:
        beat.start()

    # Not before: the worker looks whether it shall stop when a message wakes it, and the beat sends them.
    @worker_shutdown.connect(weak=False)
    def stop_beat(**_: Any) -> None:
        beat.stop()

    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", "--loglevel=INFO", *quiet])


def main() -> None:
    logs.configure()
    module, _, attribute = sys.argv[1].partition(":")
    app = getattr(import_module(module), attribute or "app")
    # After the module, which names the Django settings: tracing reads them.
    tracing.start()
    run(app)


if __name__ == "__main__":
    main()
