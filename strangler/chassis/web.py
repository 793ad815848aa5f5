"""A host's web process: `python -m strangler.chassis.web monolith.wsgi:application`.

gunicorn with thread workers. It serves on `BIND` and on every listening socket that it was started with
(sd_listen_fds(3)), so that two programs can share a socket while one takes over from the other. It is in
Consul's catalogue while it serves. On SIGTERM it leaves the catalogue, goes on serving until the gateway
has noticed, then stops accepting, answers what has arrived, tells kept-alive clients to come back on a
new connection, and exits 0.
"""

import ctypes
import os
import signal
import socket
import sys
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.util import import_app

from strangler.chassis import logs, tracing
from strangler.chassis.config import current, live
from strangler.chassis.discovery import Registration
from strangler.chassis.django import HOSTS_NAME, required
from strangler.chassis.sharing import Board, FairWorker, join, leave

FIRST_INHERITED = 3
KEEPALIVE_SECONDS = 60
GRACEFUL_SECONDS = 30
PR_SET_PDEATHSIG = 1


class Draining(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which takes itself off the catalogue before it stops.

    It has no thread but its own: a lock that another one held while a worker is forked, an import's for
    instance, would stay locked in the worker for good. So it renews its registration in its loop.
    """

    registration: Registration | None = None

    def __init__(self, app: BaseApplication) -> None:
        self.board = Board()
        super().__init__(app)

    def manage_workers(self) -> None:
        super().manage_workers()
        if self.registration is not None:
            self.registration.renew()

    def stop(self, graceful: bool = True) -> None:
        if self.registration is not None:
            self.registration.stop()
            if graceful:
                time.sleep(live().read().drain_seconds)
        super().stop(graceful)


class Web(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by the environment."""

    def __init__(self, application: str) -> None:
        self.application_name = application
        # Tracing starts before the application is loaded and asks for Django's settings; without a name it
        # would configure empty ones. A host's settings stand beside its wsgi module.
        package = application.partition(":")[0].rpartition(".")[0]
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{package}.settings")
        super().__init__()

    def load_config(self) -> None:
        if os.environ.get("CONSUL_URL"):
            required("SERVICE", HOSTS_NAME)
            required("ADVERTISE", "it is where the gateway and other hosts reach this process, host:port")
        inherited = int(os.environ.pop("LISTEN_FDS", "0"))
        os.environ.pop("LISTEN_PID", None)
        binds = [os.environ.get("BIND", "127.0.0.1:8000")]
        if inherited:
            # gunicorn takes either addresses or descriptors, so the address becomes one too.
            descriptors = [*range(FIRST_INHERITED, FIRST_INHERITED + inherited), _bound(binds[0])]
            binds = [f"fd://{descriptor}" for descriptor in descriptors]
        settings: dict[str, Any] = {
            "bind": binds,
            "worker_class": FairWorker,
            "workers": int(os.environ.get("WEB_WORKERS", "2")),
            "threads": int(os.environ.get("WEB_THREADS", "8")),
            "keepalive": KEEPALIVE_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "timeout": 60,
            "limit_request_line": 8190,
            # It waits without a bound for who does not read: see `patience`.
            "sendfile": False,
            # By default 127.0.0.1 may set them, and so may natively any client of stage 0. Nobody needs to:
            # PUBLIC_SCHEME says the scheme.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "proc_name": os.environ.get("SERVICE", "web"),
            "control_socket_disable": True,
            "when_ready": _prepare_registration,
            "pre_fork": _seat,
            "child_exit": _unseat,
            "post_fork": _begin_worker,
            "worker_exit": _end_worker,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return import_app(self.application_name)

    def run(self) -> None:
        Draining(self).run()


def _prepare_registration(arbiter: Draining) -> None:
    settings = live().value
    if settings.consul_url:
        from django.conf import settings as project

        arbiter.registration = Registration(
            settings.consul_url,
            settings.service,
            settings.advertise,
            domains=getattr(project, "DOMAINS", ()),
        )


def _seat(arbiter: Draining, worker: FairWorker) -> None:
    join(arbiter.board, worker, list(arbiter.WORKERS.values()))


def _unseat(arbiter: Draining, worker: FairWorker) -> None:
    leave(worker)


def _begin_worker(arbiter: Draining, worker: Any) -> None:
    _die_with_the_arbiter()
    current()
    tracing.start()


def _end_worker(arbiter: Draining, worker: Any) -> None:
    tracing.flush()


def _die_with_the_arbiter() -> None:
    """An orphan would hold the port for its graceful timeout, and the next arbiter could not have it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _bound(address: str) -> int:
    """The descriptor of a new socket that listens on `host:port`."""
    host, _, port = address.rpartition(":")
    listener = socket.create_server((host, int(port)), backlog=2048)
    listener.set_inheritable(True)
    return listener.detach()


if __name__ == "__main__":
    logs.configure()
    Web(sys.argv[1]).run()
