"""The gateway is put in front of the shop, and taken away, while customers come and others are there."""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.ports import wait_for
from tests.stacks import running

COMING = 6
STAYING = 20
SECONDS = 10
CRASHES = 3
READY_SECONDS = 30.0
MORE = 20
"""Answers after each move."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(0) as stack:
        yield stack


def served(answers: Counter[str], enough: int) -> bool:
    return answers.total() >= enough


@contextmanager
def customers(
    *crowds: tuple[int, Callable[[threading.Event, Counter[str]], None]],
) -> Iterator[list[Counter[str]]]:
    """Crowds of so many, each shopping in its way until the block ends; what each crowd was answered."""
    over, answers = threading.Event(), [Counter[str]() for _ in crowds]
    threads = [
        threading.Thread(target=shop, args=[over, heard])
        for (number, shop), heard in zip(crowds, answers, strict=True)
        for _ in range(number)
    ]
    for customer in threads:
        customer.start()
    try:
        yield answers
    finally:
        over.set()
        for customer in threads:
            customer.join()


def test_nobody_is_lost_while_the_gateway_comes_or_goes(stack: Stack) -> None:
    """A request on a connection that the server closes at that moment is lost, and must not be sent again:
    who stays connected has to be told to leave before."""
    host, headers = urlsplit(stack.url).netloc, {"Content-Type": "application/json"}

    def come_and_go(over: threading.Event, heard: Counter[str]) -> None:
        """Each request on a connection of its own."""
        while not over.is_set():
            try:
                answer = requests.get(f"{stack.url}/api/products/7", timeout=SECONDS)
                heard[f"{answer.status_code} {answer.text[:40] if answer.status_code != 200 else ''}"] += 1
            except requests.RequestException as error:
                heard[repr(error)] += 1

    def stay(over: threading.Event, heard: Counter[str]) -> None:
        """Each request on the connection of the one before, unless that one's answer said otherwise."""
        connection = http.client.HTTPConnection(host, timeout=SECONDS)
        while not over.wait(random.uniform(0.02, 0.2)):
            try:
                connection.request("POST", "/api/auth/token/refresh", b'{"refresh": "none"}', headers)
                answer = connection.getresponse()
                answer.read()
                heard[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                heard[repr(error)] += 1
                connection.close()
        connection.close()

    with customers((COMING, come_and_go), (STAYING, stay)) as (new, connected):
        for stage in (1, 0):
            stack.up(stage)
            for heard in (new, connected):
                wait_for(partial(served, heard, heard.total() + MORE))

    assert set(new) == {"200 "}, new
    assert set(connected) == {"401"}, connected


def test_who_connects_after_a_crash_gets_an_answer_of_the_shop(stack: Stack) -> None:
    """What was under way may get none. Nobody gets the 404 of a gateway that does not know its routes yet."""
    stack.up(1)

    def come_and_go(over: threading.Event, heard: Counter[str]) -> None:
        while not over.is_set():
            try:
                answer = requests.get(f"{stack.url}/api/products/7", timeout=SECONDS)
                heard[str(answer.status_code)] += 1
            except requests.RequestException:
                heard["none"] += 1

    with customers((COMING, come_and_go)) as (answers,):
        for _ in range(CRASHES):
            before = answers.total()
            stack.kill("traefik")
            wait_for(partial(served, answers, before + MORE))
            stack.wait_ready(seconds=READY_SECONDS)

    assert answers["200"] > CRASHES * MORE / 2
    assert answers["none"] <= CRASHES * COMING, answers
    assert set(answers) <= {"200", "none"}, answers
