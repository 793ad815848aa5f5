"""Callers of the shop's API."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from shop.accounts import throttling
from shop.accounts.models import User
from shop.accounts.tokens import issue
from strangler.chassis.auth import reset_jwks_cache
from strangler.chassis.config import live

PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def fresh_keys() -> Iterator[None]:
    """Keys of one test's database are not those of the next."""
    reset_jwks_cache()
    yield
    reset_jwks_cache()


@pytest.fixture
def set_rates(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets limits as Consul would. No minute ends meanwhile."""
    now = time.time()
    monkeypatch.setattr(throttling, "time", SimpleNamespace(time=lambda: now))
    before = live().value

    def set_rates(**rates: str) -> None:
        live().value = before.model_copy(update=rates)

    yield set_rates
    live().value = before


@pytest.fixture
def login_rate(set_rates: Callable[..., None]) -> Callable[..., None]:
    """Sets how often a login may be tried."""

    def set_rate(rate: str, per_client: str = "1000/min") -> None:
        set_rates(login_rate=rate, login_client_rate=per_client)

    return set_rate


@pytest.fixture
def lost_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, commits succeed and their acknowledgement does not arrive."""

    def begin() -> None:
        commit = connection.connection.commit

        def lost() -> None:
            commit()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(connection.connection, "commit", lost)

    return begin


@pytest.fixture
def client() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    def make(email: str = "ada@shop.example", **fields: Any) -> User:
        user = User(email=email, name="Ada", **fields)
        user.set_password(PASSWORD)
        user.save()
        return user

    return make


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user()


def as_user(user: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(user=user, kind='access')}")
    return client


@pytest.fixture
def customer(user: User) -> APIClient:
    return as_user(user)


@pytest.fixture
def staff(make_user: Callable[..., User]) -> APIClient:
    return as_user(make_user("staff@shop.example", is_staff=True))
