"""One command at a time for a domain's step: a lock in Consul that dies with its session.

A command that was killed leaves a session behind, which Consul would keep for some time more. So the lock
says which process of which machine holds it, and a command on that machine looks whether it lives.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psutil
import requests

from strangler.toolkit.consul import ConsulError, KeyValues
from strangler.toolkit.step.errors import Held
from strangler.toolkit.step.state import now

LOCKS = "strangler/locks"
TTL_SECONDS = 15
TIMEOUT = 5.0


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock. `started` tells a process from a later one of the same number."""

    machine: str
    process: int
    started: float
    command: str
    since: str

    def is_gone(self) -> bool:
        """Whether it is known not to live any more: only a process of this machine can be."""
        if self.machine != socket.gethostname():
            return False
        try:
            return abs(psutil.Process(self.process).create_time() - self.started) > 1
        except psutil.NoSuchProcess:
            return True


@contextmanager
def held(store: KeyValues, domain: str, *, command: str) -> Iterator[None]:
    """Hold the domain's lock inside the block; raises Held, with who holds it."""
    session = _ask(store, "PUT", "/v1/session/create", json={
        "Name": f"strangler {command} {domain}", "TTL": f"{TTL_SECONDS}s", "LockDelay": "0s",
        "Behavior": "release",
    }).json()["ID"]  # fmt: skip
    ended = threading.Event()
    try:
        _take(store, domain, session, command)
        threading.Thread(target=_renew, args=(store, session, ended), daemon=True).start()
        yield
    finally:
        ended.set()
        _ask(store, "PUT", f"/v1/session/destroy/{session}")


def _take(store: KeyValues, domain: str, session: str, command: str) -> None:
    here = psutil.Process()
    me = Holder(socket.gethostname(), os.getpid(), here.create_time(), command, now())
    path = f"/v1/kv/{LOCKS}/{domain}"
    for _ in range(3):
        if (
            _ask(store, "PUT", f"{path}?acquire={session}", data=msgspec.json.encode(me)).text.strip()
            == "true"
        ):
            return
        found = _ask(store, "GET", path, params={"consistent": "1"})
        if found.status_code != 200:
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
        _ask(store, "PUT", f"/v1/session/destroy/{entry['Session']}")
    raise Held(f"The lock on {domain} could not be had. Run the command again.")


def _renew(store: KeyValues, session: str, ended: threading.Event) -> None:
    while not ended.wait(TTL_SECONDS / 3):
        try:
            requests.put(f"{store.url}/v1/session/renew/{session}", timeout=TIMEOUT)
        except requests.RequestException:
            continue  # tried again, well before it runs out


def _ask(store: KeyValues, method: str, path: str, **options: object) -> requests.Response:
    try:
        answer = requests.request(method, store.url + path, timeout=TIMEOUT, **options)  # type: ignore[arg-type]
    except requests.RequestException as error:
        raise ConsulError(f"Consul at {store.url} does not answer: {error}.") from error
    if answer.status_code >= 500:
        raise ConsulError(f"Consul at {store.url} answers {answer.status_code}: {answer.text[:200]}")
    return answer
