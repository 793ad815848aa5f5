"""How a process hears who owns what: from its database at the start, then from Consul.

The step's command writes `strangler/domains/<domain>` whenever something changes:
`{"owner": host, "epoch": number, "peer": host, "shadow": share, "slot": name}`. While Consul is away the
database is asked every few seconds. A key that vanishes says that the domain does not move any more.
"""

import base64
import logging
import os
import threading
from typing import Any

import msgspec
import requests

from strangler.chassis.config import current
from strangler.chassis.ownership import fence, state
from strangler.chassis.watching import Folder

log = logging.getLogger(__name__)

PREFIX = "strangler/domains/"
RETRY_SECONDS = 2.0


class Record(msgspec.Struct, frozen=True):
    """What Consul says of a domain."""

    owner: str
    epoch: int
    peer: str = ""
    shadow: float = 0.0
    slot: str = ""


class Hearing:
    """`start()` once in every process; a forked child listens for itself."""

    def __init__(self) -> None:
        self.folder = Folder(PREFIX)
        self.heard: set[str] = set()
        self._started = False

    def start(self) -> None:
        """Listen in a thread from now on."""
        if not self._started:
            self._started = True
            os.register_at_fork(after_in_child=self._begin)
            self._begin()

    def _begin(self) -> None:
        threading.Thread(target=self._listen, name="ownership", daemon=True).start()

    def _listen(self) -> None:
        from django.apps import apps

        apps.ready_event.wait()
        pause = threading.Event()
        self.folder.index, known = 0, False
        while True:
            known = self.ask_database() or known
            try:
                while current().consul_url:
                    self.once()
            except (requests.RequestException, ValueError) as error:
                log.warning("Consul does not answer; the database says who owns what: %s", error)
            if known and not current().consul_url:
                return
            pause.wait(RETRY_SECONDS)

    def ask_database(self) -> bool:
        """Learn what the database says; whether it could be asked."""
        from django.db import DatabaseError, connection

        try:
            with connection.cursor() as cursor:
                fence.read(cursor)
        except DatabaseError as error:
            log.warning("the database does not say who owns what: %s", error)
            return False
        finally:
            connection.close()
        return True

    def once(self) -> None:
        """Returns when something changed or the wait is over."""
        entries = self.folder.changed(current().consul_url)
        if entries is not None:
            self.apply(entries)

    def apply(self, entries: list[dict[str, Any]]) -> None:
        """Take note of what Consul has."""
        found: set[str] = set()
        for entry in entries:
            domain = entry["Key"].removeprefix(PREFIX)
            try:
                record = msgspec.json.decode(base64.b64decode(entry["Value"] or ""), type=Record)
            except (msgspec.DecodeError, ValueError) as error:
                log.error("%s is left out: %s", entry["Key"], error)
                found.add(domain)
                continue
            found.add(domain)
            state.learn(domain, record.owner, record.epoch)
            state.shadow(domain, state.Shadowing(record.peer, record.shadow, record.slot))
        gone = self.heard - found
        self.heard = found
        for domain in gone:
            state.forget(domain)
        if gone:
            self.ask_database()


hearing = Hearing()
