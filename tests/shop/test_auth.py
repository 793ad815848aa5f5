"""Verifying tokens: whose keys, how fresh, and what happens when they cannot be had."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rest_framework.test import APIClient

from contracts.accounts import accounts
from shop.accounts import tokens
from shop.accounts.models import User
from strangler.chassis.auth import InvalidToken, JWKSCache, verify


class Source:
    def __init__(self) -> None:
        self.fetched = 0
        self.keys: list[dict[str, Any]] = []
        self.down = False
        self.takes: Callable[[], object] = lambda: None

    def __call__(self) -> dict[str, Any]:
        self.fetched += 1
        self.takes()
        if self.down:
            raise ConnectionError
        return {"keys": self.keys}


@pytest.fixture
def key(db: None) -> dict[str, Any]:
    tokens.make_first()
    first: dict[str, Any] = tokens.published()["keys"][0]
    return first


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def source(key: dict[str, Any]) -> Source:
    source = Source()
    source.keys = [key]
    return source


@pytest.fixture
def cache(source: Source, now: list[float]) -> JWKSCache:
    return JWKSCache(source, max_age=300, min_interval=1, clock=lambda: now[0])


def test_keys_are_kept(cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]) -> None:
    for _ in range(5):
        assert cache.key(key["kid"]) is not None
    assert source.fetched == 1
    now[0] += 301
    cache.key(key["kid"])
    assert source.fetched == 2


def test_unknown_kids_fetch_at_most_once_a_second(cache: JWKSCache, source: Source, now: list[float]) -> None:
    for n in range(50):
        assert cache.key(f"stranger-{n}") is None
    assert source.fetched == 2
    now[0] += 1
    for n in range(50):
        cache.key(f"stranger-{n}")
    assert source.fetched == 3


def test_a_new_key_is_found_at_once(cache: JWKSCache, source: Source, key: dict[str, Any]) -> None:
    cache.key(key["kid"])
    source.keys.append({**key, "kid": "new"})
    assert cache.key("new") is not None


def test_known_keys_stay_in_use_while_the_source_is_down(
    cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]
) -> None:
    cache.key(key["kid"])
    source.down = True
    now[0] += 301
    for _ in range(5):
        assert cache.key(key["kid"]) is not None
    assert source.fetched == 2, "one try a second, not one a request"
    source.down = False
    now[0] += 1
    cache.key(key["kid"])
    assert source.fetched == 3


def test_known_keys_are_had_at_once_while_the_source_hangs(
    cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]
) -> None:
    cache.key(key["kid"])
    now[0] += 301
    asked, answers = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        answers.wait(10)

    source.takes = hang
    with ThreadPoolExecutor() as threads:
        try:
            first = threads.submit(cache.key, key["kid"])
            assert asked.wait(5)
            assert threads.submit(cache.key, key["kid"]).result(timeout=5) is not None
            assert not first.done()
        finally:
            answers.set()
        assert first.result(timeout=5) is not None
    assert source.fetched == 2


def test_a_source_that_failed_slowly_is_left_alone_for_a_second(
    cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]
) -> None:
    cache.key(key["kid"])

    def three_seconds() -> None:
        now[0] += 3

    source.down, source.takes = True, three_seconds
    now[0] += 301
    for _ in range(5):
        assert cache.key(key["kid"]) is not None
        assert cache.key("stranger") is None
    assert source.fetched == 2


def test_a_strangers_fetch_that_fails_leaves_the_keys_as_fresh_as_they_were(
    cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]
) -> None:
    cache.key(key["kid"])
    source.down = True
    assert cache.key("stranger") is None
    now[0] += 5
    assert cache.key(key["kid"]) is not None
    assert source.fetched == 2


def test_without_any_key_who_comes_within_a_second_is_told_the_sources_error(
    cache: JWKSCache, source: Source, key: dict[str, Any], now: list[float]
) -> None:
    def three_seconds() -> None:
        now[0] += 3

    source.down, source.takes = True, three_seconds
    for _ in range(8):
        with pytest.raises(ConnectionError):
            cache.key(key["kid"])
    assert source.fetched == 1, "nobody waited for a source that had just failed"
    now[0] += 1
    source.down = False
    assert cache.key(key["kid"]) is not None
    assert cache.key("stranger") is None


@pytest.mark.django_db
def test_identity_down_is_a_503_not_a_401(customer: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def down(self: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(type(accounts), "jwks", down)
    answer = customer.get("/api/me")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


@pytest.mark.django_db
def test_verify(user: User) -> None:
    caller = verify(tokens.issue(user=user, kind="access"))
    assert (caller.id, caller.email, caller.is_staff, caller.is_authenticated) == (
        user.id,
        user.email,
        False,
        True,
    )
    with pytest.raises(InvalidToken):
        verify(tokens.issue(user=user, kind="refresh"))
