"""A host's rpc process: every domain that it runs, served until SIGTERM."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import eventlet
import eventlet.wsgi
import msgspec
from nameko.runners import ServiceRunner

from strangler.chassis import logs, tracing
from strangler.chassis.config import current
from strangler.chassis.discovery import Registration
from strangler.chassis.errors import ChassisError
from strangler.chassis.rpc.consumer import Messages
from strangler.chassis.rpc.database.settings import pooled

log = logging.getLogger(__name__)

WORKERS = 10
HEARTBEAT_SECONDS = 10
BROKER_PATIENCE = {"max_retries": 3, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 1.0}


class BadStart(ChassisError):
    """The rpc process was started in a way that would stop it from serving."""


def main(arguments: Sequence[str]) -> None:
    """Serve the domains named after the settings module, or all that the settings host."""
    if not arguments:
        raise SystemExit("usage: python -m strangler.chassis.rpc SETTINGS [DOMAIN …]")
    os.environ["DJANGO_SETTINGS_MODULE"] = arguments[0]
    check_waiting()
    logs.configure()
    import django
    from django.conf import settings

    settings.DATABASES = pooled(settings.DATABASES, size=pool_size(arguments[1:]))
    django.setup()
    tracing.start()
    _serve(Server(arguments[1:]))


def check_waiting() -> None:
    """Raise BadStart unless PostgreSQL is waited for in a way that lets other calls go on meanwhile."""
    from psycopg import waiting

    if waiting.wait is not waiting.wait_selector:
        raise BadStart(
            f"psycopg waits by {waiting.wait}, which would stop every call of this process: set "
            "PSYCOPG_WAIT_FUNC=wait_selector, and import psycopg in nothing before strangler.chassis.rpc."
        )


def workers() -> int:
    """How many calls of a domain this process works on at once."""
    return int(os.environ.get("RPC_WORKERS", str(WORKERS)))


def pool_size(names: Sequence[str] = ()) -> int:
    """A connection for each call that is worked on at once, so that one domain that is slow leaves the others
    theirs, and one to tell the process's health by. Before Django is set up."""
    from django.apps import AppConfig
    from django.conf import settings

    from strangler.chassis.domains import DomainConfig

    hosted = [isinstance(AppConfig.create(entry), DomainConfig) for entry in settings.INSTALLED_APPS]
    return workers() * (len(names) or sum(hosted)) + 1


def hosted_ports(names: Sequence[str] = ()) -> list[Any]:
    """The ports of the domains that this process hosts, or of those named; raises BadStart for others."""
    from django.apps import apps

    from strangler.chassis.domains import DomainConfig

    found = {c.port().domain: c.port() for c in apps.get_app_configs() if isinstance(c, DomainConfig)}
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise BadStart(f"not hosted here: {', '.join(missing) or 'any domain'}. Hosted: {', '.join(found)}.")
    return [port for name, port in found.items() if not names or name in names]


class Server:
    """`start`, `wait`, `stop`: Nameko's runner, with health over HTTP and a place in Consul's catalogue."""

    def __init__(self, domains: Sequence[str] = ()) -> None:
        import kombu.pools

        from strangler.chassis.rpc.service import service

        settings = current()
        kombu.pools.set_limit(workers() + 10)
        self.runner = ServiceRunner(
            {
                "AMQP_URI": os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//"),
                "max_workers": workers(),
                "HEARTBEAT": HEARTBEAT_SECONDS,
                "TRANSPORT_OPTIONS": BROKER_PATIENCE,
            }
        )
        for port in hosted_ports(domains):
            self.runner.add_service(service(port, host=settings.service))
        self.registration: Registration | None = None
        self.ready = self.stopping = False

    def start(self) -> None:
        """Return once calls reach it, which is when the broker is there; it tells its health before."""
        if bind := os.environ.get("BIND", ""):
            host, _, port = bind.rpartition(":")
            listener = eventlet.listen((host, int(port)))
            eventlet.spawn(eventlet.wsgi.server, listener, self.health, log_output=False)
        self.runner.start()
        self.ready = True
        settings = current()
        if settings.consul_url and settings.advertise:
            name = f"{settings.service}-rpc"
            self.registration = Registration(settings.consul_url, name, settings.advertise, routed=False)
            self.registration.start()
        log.info("serving %s", ", ".join(sorted(self.runner.service_names)))

    def stop(self) -> None:
        """Take no more calls, finish those under way."""
        if self.stopping:
            return
        self.ready, self.stopping = False, True
        if self.registration is not None:
            self.registration.stop()
        self.runner.stop()

    @property
    def serving(self) -> bool:
        """Whether calls reach it: started, not stopping, and connected to the broker."""
        consumers = [x for c in self.runner.containers for x in c.subextensions if isinstance(x, Messages)]
        return self.ready and all(consumer.connected for consumer in consumers)

    def health(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """`/livez` and `/readyz`, as every host's."""
        from django.db import DatabaseError, connection

        body = {"status": "ok"}
        if environ["PATH_INFO"] == "/readyz":
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            except DatabaseError as error:
                log.warning("not ready: %s", error)
                body = {"status": "unavailable", "database": "down"}
            finally:
                connection.close()
            if not self.serving:
                body = {**body, "status": "unavailable", "broker": "down"}
        status = "200 OK" if body["status"] == "ok" else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [msgspec.json.encode(body)]


def _serve(server: Server) -> None:
    def terminate(*_: object) -> None:
        # A signal handler runs in the hub, which may not wait.
        eventlet.spawn_n(server.stop)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    server.start()
    waiting = eventlet.spawn(server.runner.wait)
    while True:
        try:
            waiting.wait()
        except InterruptedError:
            continue
        break
    tracing.flush()
    sys.exit(0)
