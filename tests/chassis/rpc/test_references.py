"""References to a remote domain's rows are resolved by the query that its contract names, all in one call."""

from typing import Any

import pytest
from django.db import models
from django.db.models import Prefetch, prefetch_related_objects

from strangler.chassis import ports
from strangler.chassis.ports import Method, Port, PortMismatch, query
from strangler.chassis.references import NoResolver, fetch, reference
from strangler.chassis.rpc.client import Client
from tests.rpc_process import Service


class Row(models.Model):
    """Points at what the tiny service answers for."""

    count = reference("counting.Count")

    class Meta:
        app_label = "rows"

    def __str__(self) -> str:
        return f"{self.pk}"


class Counted:
    """A transport that counts the calls that it passes on."""

    def __init__(self, client: Client) -> None:
        self.client, self.calls = client, 0

    def call(self, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        self.calls += 1
        return self.client.call(domain, method, arguments)

    def shadow(self, host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
        raise AssertionError("nothing is compared here")


def test_a_list_costs_one_call(service: Service, client: Client) -> None:
    transport = Counted(client)
    rows: Any = [Row(count_id=number) for number in (3, 5, 3)]
    ports.use_transport(transport)
    try:
        prefetch_related_objects(rows, "count")
        assert [row.count.name for row in rows] == ["3", "5", "3"]
        assert transport.calls == 1
        assert Row(count_id=8).count.times == 8
        assert transport.calls == 2
        prefetch_related_objects(rows, Prefetch("count", to_attr="counted"))
        assert [row.counted.name for row in rows] == ["3", "5", "3"]
        rows[0].count_id = 8
        assert rows[0].count.times == 8
    finally:
        ports.use_transport(None)


def test_reference_that_no_contract_resolves_says_what_to_do() -> None:
    with pytest.raises(NoResolver, match=r'resolves = \{"Other": …\}'):
        fetch("counting.Other", [1])


def test_contract_that_nothing_has_imported_is_named() -> None:
    with pytest.raises(NoResolver, match="nothing has imported the contract of unheard here"):
        fetch("unheard.Of", [1])


def test_contract_that_resolves_by_something_else_is_refused() -> None:
    with pytest.raises(PortMismatch, match=r"Thing is resolved by a query `thing\(self, \*, ids\)`"):

        class Wrong(Port):
            """Its `thing` takes no ids."""

            domain = "wrong"
            resolves = {"Thing": "thing"}

            @query
            def thing(self, *, name: str) -> int:
                """One."""
