"""One command at a time for a domain's step: a lock in Consul that dies with its session.

A command that was killed leaves a session behind, which Consul would keep for some time more. So the lock
says which process of which machine holds it, and a command on that machine looks whether it lives.

A command that stood still, or that Consul could not hear, may lose its lock to another. It must not go on as
if it had it: it looks before whatever it does, and what it writes to Consul holds only while the lock does.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from strangler.toolkit.consul import ConsulError, KeyValues, is_locked
from strangler.toolkit.step.errors import Held, Lost
from strangler.toolkit.step.state import now

LOCKS = "strangler/locks"
TTL_SECONDS = 15
TIMEOUT = 5.0


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock. `space` is where process numbers are its own; `started`, in seconds since the machine
    booted, tells a process from a later one of the same number."""

    machine: str
    space: str
    process: int
    started: float
    command: str
    since: str

    def is_gone(self) -> bool:
        """Whether it is known not to live any more: only one whose number means the same here can be."""
        if (self.machine, self.space) != (socket.gethostname(), _space()):
            return False
        try:
            return abs(_started(self.process) - self.started) > 1
        except psutil.NoSuchProcess:
            return True


class Lock:
    """A domain's lock, held by a session of Consul's that is renewed in the background."""

    def __init__(self, store: KeyValues, domain: str, session: str) -> None:
        self.store, self.domain, self.session = store, domain, session
        self._renewed, self._gone = time.monotonic(), False

    def check(self) -> None:
        """Raise Lost unless Consul has kept it until now, for all that is known here."""
        if self._gone or time.monotonic() - self._renewed > TTL_SECONDS:
            raise Lost(
                f"The lock on {self.domain} is lost: this command stood still, or Consul did not hear of it, "
                f"for {TTL_SECONDS} s, and another command may be at work. It does no more. See "
                "`./run strangler status`, and run it again."
            )

    def confirm(self) -> None:
        """The same, by Consul's own word: nobody else can have it within the next moments."""
        self.renew()
        self.check()

    def transaction(self, operations: list[dict[str, Any]]) -> None:
        """Write to Consul if the lock is held; raises Lost."""
        try:
            self.store.transaction([is_locked(f"{LOCKS}/{self.domain}", self.session), *operations])
        except ConsulError:
            self.confirm()
            raise

    def renew(self) -> None:
        """Ask Consul for more time."""
        asked = time.monotonic()
        answer = self.store.ask("PUT", f"/v1/session/renew/{self.session}", unless=404, timeout=TIMEOUT)
        if answer.ok:
            self._renewed = asked
        else:
            self._gone = True


@contextmanager
def held(store: KeyValues, domain: str, *, command: str) -> Iterator[Lock]:
    """Hold the domain's lock inside the block; raises Held, with who holds it."""
    session = store.ask("PUT", "/v1/session/create", timeout=TIMEOUT, json={
        "Name": f"strangler {command} {domain}", "TTL": f"{TTL_SECONDS}s", "LockDelay": "0s",
        "Behavior": "release",
        # Else the session would end with the agent's own health.
        "Checks": [], "NodeChecks": [],
    }).json()["ID"]  # fmt: skip
    lock, ended = Lock(store, domain, session), threading.Event()
    try:
        _take(store, domain, session, command)
        threading.Thread(target=_keep, args=(lock, ended), daemon=True).start()
        yield lock
    finally:
        ended.set()
        store.ask("PUT", f"/v1/session/destroy/{session}", timeout=TIMEOUT)


def _take(store: KeyValues, domain: str, session: str, command: str) -> None:
    process = os.getpid()
    me = Holder(socket.gethostname(), _space(), process, _started(process), command, now())
    path = f"/v1/kv/{LOCKS}/{domain}"
    for _ in range(3):
        taken = store.ask("PUT", f"{path}?acquire={session}", data=msgspec.json.encode(me), timeout=TIMEOUT)
        if taken.text.strip() == "true":
            return
        found = store.ask("GET", path, params={"consistent": "1"}, unless=404, timeout=TIMEOUT)
        if not found.ok:
            continue
        entry = found.json()[0]
        holder = msgspec.json.decode(msgspec.json.decode(f'"{entry["Value"]}"', type=bytes), type=Holder)
        if not entry.get("Session"):
            continue
        if not holder.is_gone():
            raise Held(
                f"`strangler {holder.command}` is at work on {domain} since {holder.since}: process "
                f"{holder.process} on {holder.machine}. Wait until it has ended; if it was killed there, "
                f"the lock is free within {2 * TTL_SECONDS} s."
            )
        store.ask("PUT", f"/v1/session/destroy/{entry['Session']}", timeout=TIMEOUT)
    raise Held(f"The lock on {domain} could not be had. Run the command again.")


def _keep(lock: Lock, ended: threading.Event) -> None:
    while not ended.wait(TTL_SECONDS / 3):
        try:
            lock.renew()
        except ConsulError:
            continue  # tried again; `check` sees it if that is too late


def _space() -> str:
    """The boot and the namespace of process numbers, as Linux has them: containers may share a name."""
    try:
        boot, namespace = Path("/proc/sys/kernel/random/boot_id").read_text(), Path("/proc/self/ns/pid")
        return f"{boot.strip()} {namespace.readlink()}"
    except OSError:
        return ""


def _started(process: int) -> float:
    # Both move when the clock is set, by the same.
    return psutil.Process(process).create_time() - psutil.boot_time()
