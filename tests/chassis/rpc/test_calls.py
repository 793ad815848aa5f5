"""What a caller gets from a service that runs: answers with their types, and errors with their class."""

import os
import threading
import uuid
import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from strangler.chassis import ports
from strangler.chassis.ports import Port, query
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.errors import CallRefused, OwnerBusy, RemoteFailure, Unrouted
from strangler.chassis.rpc.policies import bulkhead
from strangler.chassis.rpc.policies.call import SECONDS
from tests.chassis.rpc.conftest import Remote
from tests.chassis.rpc.counting.contract import Count, Counting, TooMany, counting
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service


class Newer(Port):
    """What a caller believes whose contract is not the service's."""

    domain = "counting"

    @query
    def invented(self) -> None:
        """The service has no such method."""

    @query
    def echo(self, *, text: str, loud: bool = False) -> str:
        """Its `loud` is new."""

    @query
    def times(self, *, name: int) -> int:
        """Its `name` has another type."""

    @query
    def counts(self, *, ids: list[int]) -> dict[int, str]:
        """Its answer has another type."""


def as_newer(client: Client, method: str, /, **arguments: Any) -> Any:
    return client.call("counting", Newer.methods[method], arguments)


def test_unknown_method_is_refused_by_name(service: Service, client: Client) -> None:
    with pytest.raises(CallRefused, match=r"counting\.invented: there is no such method here.*echo"):
        as_newer(client, "invented")


def test_argument_of_another_type_is_refused_by_name(service: Service, client: Client) -> None:
    with pytest.raises(CallRefused, match=r"counting\.times: .*Expected `str`, got `int`.*\$\.name"):
        as_newer(client, "times", name=7)


def test_argument_the_service_does_not_know_is_refused_by_name(service: Service, client: Client) -> None:
    with pytest.raises(CallRefused, match=r"unknown field `loud`"):
        as_newer(client, "echo", text="x", loud=True)


def test_new_argument_at_its_default_does_not_disturb_an_older_service(
    service: Service, client: Client
) -> None:
    assert as_newer(client, "echo", text="x", loud=False) == "x"


def test_answer_of_another_type_is_refused_by_name(service: Service, client: Client) -> None:
    with pytest.raises(CallRefused, match=r"the answer does not fit the contract: Expected `str`"):
        as_newer(client, "counts", ids=[1])


def test_declared_error_arrives_as_its_class_with_its_fields(remote: Remote) -> None:
    with pytest.raises(TooMany) as caught:
        remote.limit(name="apples", limit=3)
    assert (caught.value.name, caught.value.limit) == ("apples", 3)


def test_undeclared_error_arrives_as_a_failure_and_is_logged(service: Service, remote: Remote) -> None:
    with pytest.raises(RemoteFailure, match="ZeroDivisionError: the defect"):
        remote.broken()
    assert "Traceback" in service.log.read_text()


def test_locked_rows_are_said_to_be_busy(remote: Remote, database: psycopg.Connection[Any]) -> None:
    """As they are where the caller's own database holds them."""
    remote.count(name="held", key="held")
    with database.transaction():
        database.execute("SELECT 1 FROM counted WHERE key = 'held' FOR UPDATE")
        with pytest.raises(OwnerBusy):
            remote.held(key="held")
    assert remote.held(key="held") is None


def test_domain_that_nobody_serves_is_said_so_at_once(client: Client) -> None:
    with pytest.raises(Unrouted, match=r"no queue for nowhere\.counting\.echo"):
        client.ask("nowhere", "counting", Counting.methods["echo"], {"text": "x"})


def test_answers_keep_their_types(remote: Remote) -> None:
    found = remote.counts(ids=[3, 5], prefix="n")
    assert found == {
        3: Count(name="n3", times=3, weight=Decimal("0.375")),
        5: Count(name="n5", times=5, weight=Decimal("0.625")),
    }


def test_port_goes_remote_without_its_caller_noticing(service: Service, client: Client) -> None:
    ports.use_transport(client)
    try:
        assert counting.echo(text="far away") == "far away"
    finally:
        ports.use_transport(None)


def test_large_answers_and_letters_of_all_kinds(remote: Remote) -> None:
    text = 'äöü €𝄞 \x00"\\ ' * 40_000
    assert remote.echo(text=text) == text


@pytest.fixture
def nameko(service: Service, rabbitmq: RabbitMQ) -> Iterator[Any]:
    """Nameko's own client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nameko.standalone.rpc import ClusterRpcProxy
    with ClusterRpcProxy({"AMQP_URI": rabbitmq.url}, timeout=10) as proxy:
        yield proxy["tiny.counting"]


def test_nameko_speaks_with_it_too(nameko: Any) -> None:
    assert nameko.echo(text="plain") == "plain"
    with pytest.raises(Exception, match="ZeroDivisionError"):
        nameko.broken()


def test_forked_process_has_a_connection_of_its_own(remote: Remote) -> None:
    """gunicorn forks its workers."""
    assert remote.echo(text="parent") == "parent"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        status = 1
        try:
            status = int(remote.echo(text="child") != "child")
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert remote.echo(text="parent again") == "parent again"


def test_many_threads_share_a_client(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """32 callers, each with answers of its own."""
    # So many at once on a busy machine: the bulkhead is another test's.
    monkeypatch.setattr(bulkhead, "WAIT_SECONDS", 20.0)
    monkeypatch.setitem(SECONDS, "query", 20.0)
    wrong: list[object] = []

    def ask(number: int) -> None:
        for turn in range(10):
            text = f"{number}-{turn}-{uuid.uuid4()}"
            try:
                if (answer := remote.echo(text=text)) != text:
                    wrong.append((text, answer))
            except Exception as error:  # noqa: BLE001 - a thread's error would be nobody's
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=[n]) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


def test_caller_who_hangs_up_reports_no_broken_connection(
    service: Service, rabbitmq: RabbitMQ, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Client(rabbitmq.url, locate=lambda _: "tiny")
    assert caller.call("counting", Counting.methods["echo"], {"text": "a"}) == "a"

    caller.close()

    assert caplog.messages == []
