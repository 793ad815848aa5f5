"""The catalogue's host by itself: its own tables and seeds, its port, and its pages without inventory."""

from collections.abc import Callable
from decimal import Decimal

import requests

from contracts.catalog import Catalog
from strangler.chassis.rpc.client import Client
from strangler.toolkit.plan import load
from tests.own_host import OwnHost
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import ROOT

CHASSIS = {"django_migrations", "events_inbox", "events_outbox", "events_received"}


def test_it_has_its_domain_and_nobody_elses(own_host: Callable[[str], OwnHost]) -> None:
    plan = load(ROOT / "migrations-plan/plan.yaml")
    assert own_host("catalog").tables() == {*plan.domains["catalog"].tables, *CHASSIS}


def test_its_port_answers(own_host: Callable[[str], OwnHost], rabbitmq: RabbitMQ) -> None:
    own_host("catalog").rpc()
    client = Client(rabbitmq.url, locate=lambda domain: "catalog")
    try:
        found = client.call("catalog", Catalog.methods["products"], {"ids": [1, 1000, 1001]})
    finally:
        client.close()
    assert found.keys() == {1, 1000}
    assert all(isinstance(product.price, Decimal) and product.active for product in found.values())


def test_its_pages_do_without_inventory(own_host: Callable[[str], OwnHost]) -> None:
    web = own_host("catalog").program("web", "strangler.chassis.web", "catalog.wsgi:application")
    page = requests.get(f"{web.url}/api/products?page_size=3", timeout=20).json()

    assert page["count"] == 1000
    assert [row["available"] for row in page["results"]] == [None] * 3
    assert requests.get(f"{web.url}/api/orders", timeout=20).status_code == 404
    assert requests.post(f"{web.url}/api/products", json={}, timeout=20).status_code == 401
