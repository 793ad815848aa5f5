"""Hosts that are down, at stage 3: checkout goes on with what is last known, overviews say what they lack."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import call_command
from django.db import connection

from shop.accounts.models import User
from shop.accounts.tokens import issue
from tests.rabbitmq import RabbitMQ
from tests.rpc_process import Service
from tests.shop_process import Shop

KNOWN, UNKNOWN = 1, 2
SETTINGS = {"catalog": "catalog.settings", "notifications": "notifications.settings"}


class Hosts:
    """The monolith of stage 3 and the rpc processes of the hosts beside it, on one database."""

    def __init__(self, directory: Path, broker: str) -> None:
        self.shop = Shop(directory)
        self.shop.web.environment |= {"STAGE": "3", "BROKER_URL": broker, "WEB_WORKERS": "1"}
        where = connection.settings_dict
        address = f"{where['USER']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
        environment = {**os.environ, "DATABASE_URL": f"postgresql://{address}", "BROKER_URL": broker}
        environment |= {"PROCESS": "rpc", "PYTHONPATH": self.shop.web.environment["PYTHONPATH"]}
        self.rpc = {
            name: Service(settings, {**environment, "SERVICE": name}, directory / f"{name}.log")
            for name, settings in SETTINGS.items()
        }
        user = User.objects.filter(email__startswith="customer-").earliest("id")
        self.token, self.address = issue(user=user, kind="access"), user.addresses.get().pk

    def ask(self, method: str, path: str, **more: object) -> requests.Response:
        return self.shop.ask(method, path, token=self.token, **more)

    def put(self, product: int) -> requests.Response:
        return self.ask("PUT", f"/api/cart/lines/{product}", json={"quantity": 1})

    def buy(self, key: str) -> requests.Response:
        body = {"payment_token": "tok_ok", "address": self.address}
        return self.ask("POST", "/api/checkout", json=body, headers={"Idempotency-Key": key})


@pytest.fixture
def hosts(transactional_db: None, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Hosts]:
    call_command("seed")
    hosts = Hosts(tmp_path, rabbitmq.url)
    try:
        for service in hosts.rpc.values():
            service.start()
        hosts.shop.start()
        yield hosts
    finally:
        hosts.shop.kill()
        for service in hosts.rpc.values():
            service.kill()


def test_catalogue_is_down_and_customers_buy_at_the_last_known_price(hosts: Hosts) -> None:
    before = hosts.put(KNOWN).json()
    hosts.rpc["catalog"].kill()
    assert hosts.ask("GET", "/api/cart").json() == before
    bought = hosts.buy("down")
    assert (bought.status_code, bought.json()["total"]) == (201, before["total"])
    refused = hosts.put(UNKNOWN)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    hosts.rpc["catalog"].start()
    assert hosts.put(UNKNOWN).status_code == 200


def test_overview_names_who_is_down(hosts: Hosts) -> None:
    hosts.put(KNOWN)
    number = hosts.buy("first").json()["number"]
    whole = hosts.ask("GET", f"/api/orders/{number}/overview").json()
    assert (whole["degraded"], [p["id"] for p in whole["products"]]) == ([], [KNOWN])
    hosts.rpc["notifications"].kill()
    part = hosts.ask("GET", f"/api/orders/{number}/overview")
    assert (part.status_code, part.json()["degraded"]) == (200, ["notifications"])
    assert part.json() == {**whole, "notifications": None, "degraded": ["notifications"]}
    assert hosts.buy("second").status_code == 409
