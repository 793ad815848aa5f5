"""Queues of who is gone: nobody empties them, so they would grow until the disk is full."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
from amqp import AMQPError
from amqp.exceptions import NotFound

from strangler.chassis.events import topology
from strangler.chassis.rpc.connection import calls, dead_letters
from strangler.toolkit.step.errors import StepError
from strangler.toolkit.step.step import Step

CONNECT_SECONDS = 5
CONSUMER_SECONDS = 5.0
"""How long the broker may take to notice that a process has ended."""
POLL_SECONDS = 0.1


def forget_target(step: Step) -> None:
    """Its processes have ended. What lies in its queues the source, which owns the domain, has too."""
    _forget(step, step.state.target, stage=step.state.stage - 1)


def forget_source(step: Step) -> None:
    """It takes no calls of the domain any more. The domain's events its worker has given up by itself."""
    _forget(step, step.state.source, stage=step.state.stage)


def source_takes_calls(step: Step) -> bool:
    """Whether a process of the source still takes calls of the domain, as far as a broker is known."""
    if not step.places.broker:
        return False
    with _broker(step, "is asked whether anybody still takes calls of the domain there") as connection:
        return bool(_consumers(connection, calls(f"{step.state.source}.{step.domain}")))


def _forget(step: Step, host: str, *, stage: int) -> None:
    """Delete what a host needs no longer that does not own the domain at this stage; kept, and said so, are
    dead letters, and what somebody takes from all the same."""
    service = f"{host}.{step.domain}"
    queues, letters = [calls(service)], [dead_letters(service)]
    if not any(step.plan.host_of(domain, stage=stage) == host for domain in step.plan.domains):
        queues += [topology.queue(host), topology.tasks(host)]
        letters += [topology.dead(host)]
    if not step.places.broker:
        step.screen.note(f"BROKER_URL is not known. If there is a broker, delete there: {', '.join(queues)}")
        return
    with _broker(step, f"has queues of {host} to be deleted, for nobody empties them") as connection:
        channel: Any = connection.channel()
        for name in queues:
            if _consumers(connection, name):
                step.screen.note(f"{name} stays: a process of {host} still takes from it")
            else:
                channel.queue_delete(name)
        for name in letters:
            if waiting := _messages(connection, name):
                step.screen.note(f"{name} stays: dead letters ({waiting}) lie there")
            else:
                channel.queue_delete(name)


@contextmanager
def _broker(step: Step, why: str) -> Iterator[kombu.Connection]:
    try:
        with kombu.Connection(step.places.broker, connect_timeout=CONNECT_SECONDS) as connection:
            yield connection
    except (OSError, AMQPError) as error:
        raise StepError(
            f"The broker does not answer ({error}), and {why}. Run the same command again when it does."
        ) from error


def _consumers(connection: kombu.Connection, name: str) -> int:
    """How many still take from the queue, after a while for those that have just ended."""
    ends = time.monotonic() + CONSUMER_SECONDS
    while (found := _declared(connection, name)) and found.consumer_count and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)
    return found.consumer_count if found else 0


def _messages(connection: kombu.Connection, name: str) -> int:
    found = _declared(connection, name)
    return found.message_count if found else 0


def _declared(connection: kombu.Connection, name: str) -> Any:
    """What the broker says of the queue; None if there is none (deleting it then changes nothing)."""
    channel: Any = connection.channel()
    try:
        return channel.queue_declare(name, passive=True)
    except NotFound:
        return None
    finally:
        channel.close()
