"""Every port of the shop answers from afar as at home: the same code, data and contract, over the wire."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from contracts.accounts import accounts
from contracts.catalog import catalog
from contracts.inventory import InsufficientStock, Line, inventory
from contracts.notifications import notifications
from contracts.orders import orders
from contracts.payments import payments
from strangler.chassis.ports import Port
from strangler.chassis.rpc.client import Client
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service

QUERIES: list[tuple[Port, str, dict[str, Any]]] = [
    (accounts, "users", {"ids": [1, 2, 10**6]}),
    (accounts, "address", {"user": 2, "address": 2}),
    (accounts, "address", {"user": 2, "address": 10**6}),
    (accounts, "jwks", {}),
    (catalog, "products", {"ids": [1, 2, 3, 10**6]}),
    (inventory, "stock", {"products": [1, 2, 10**6]}),
    (notifications, "about_order", {"user": 1, "order": "none"}),
    (orders, "orders", {"numbers": ["none"]}),
    (payments, "payments", {"orders": ["none"]}),
]


@pytest.fixture
def far(transactional_db: None, rabbitmq: RabbitMQ, tmp_path: Path, settings: Any) -> Iterator[Client]:
    """A client of the monolith's rpc process, which works on the test's own database."""
    call_command("seed")
    where = connection.settings_dict
    address = f"{where['USER']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{address}",
        "BROKER_URL": rabbitmq.url,
        "SERVICE": "monolith",
        "PROCESS": "rpc",
    }
    process = Service("monolith.settings", environment, tmp_path / "log")
    client = Client(rabbitmq.url, locate=lambda domain: "monolith")
    process.start()
    yield client
    client.close()
    process.kill()


def outcome(call: Any, arguments: dict[str, Any]) -> Any:
    """What it returned, or the error it declared."""
    try:
        return call(**arguments)
    except Exception as error:
        if not hasattr(error, "payload"):
            raise
        return type(error), error.payload()


def test_remote_is_as_local(far: Client) -> None:
    for port, name, arguments in QUERIES:
        local = outcome(getattr(port, name), arguments)
        method = port.methods[name]
        remote = outcome(far.call, {"domain": port.domain, "method": method, "arguments": arguments})
        assert remote == local, f"{port.domain}.{name}({arguments})"
        assert type(remote) is type(local)

    def ask(name: str, **arguments: Any) -> Any:
        return far.call("inventory", inventory.methods[name], arguments)

    before = inventory.stock(products=[1])[1]
    for _ in range(2):  # its repetition is harmless
        ask("reserve", order="far", lines=[Line(product=1, quantity=3)], key="far")
    assert inventory.stock(products=[1])[1].reserved == before.reserved + 3
    with pytest.raises(InsufficientStock) as refused:
        ask("reserve", order="too-far", lines=[Line(product=1, quantity=10**8)], key="too-far")
    assert [line.product for line in refused.value.lines] == [1]
    ask("release", order="far", key="far")
    assert inventory.stock(products=[1])[1] == before
    assert all(isinstance(p.price, Decimal) for p in catalog.products(ids=[1, 2]).values())
