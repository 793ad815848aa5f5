"""The gateway is put in front of the shop, and taken away, while customers come and others are there."""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.ports import wait_for
from tests.stacks import running

CUSTOMERS = 6
STAYING = 20
SECONDS = 10
CRASHES = 3
READY_SECONDS = 30.0
MORE = 20
"""Answers after each move."""


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running(0) as stack:
        yield stack


def served(answers: Counter[str], enough: int) -> bool:
    return answers.total() >= enough


def test_who_connects_while_the_gateway_comes_or_goes_is_served(stack: Stack) -> None:
    over, answers = threading.Event(), Counter[str]()

    def come_and_go() -> None:
        """Each request on a connection of its own."""
        while not over.is_set():
            try:
                answer = requests.get(f"{stack.url}/api/products/7", timeout=SECONDS)
                answers[f"{answer.status_code} {answer.text[:40] if answer.status_code != 200 else ''}"] += 1
            except requests.RequestException as error:
                answers[repr(error)] += 1

    move(stack, answers, over, [come_and_go] * CUSTOMERS)
    assert set(answers) == {"200 "}, answers


def test_who_connects_after_a_crash_gets_an_answer_of_the_shop(stack: Stack) -> None:
    """What was under way may get none. Nobody gets the 404 of a gateway that does not know its routes yet."""
    stack.up(1)
    over, answers = threading.Event(), Counter[str]()

    def come_and_go() -> None:
        while not over.is_set():
            try:
                answer = requests.get(f"{stack.url}/api/products/7", timeout=SECONDS)
                answers[str(answer.status_code)] += 1
            except requests.RequestException:
                answers["none"] += 1

    threads = [threading.Thread(target=come_and_go) for _ in range(CUSTOMERS)]
    for customer in threads:
        customer.start()
    try:
        for _ in range(CRASHES):
            before = answers.total()
            stack.kill("traefik")
            wait_for(partial(served, answers, before + MORE))
            stack.wait_ready(seconds=READY_SECONDS)
    finally:
        over.set()
        for customer in threads:
            customer.join()
    assert answers["200"] > CRASHES * MORE / 2
    assert answers["none"] <= CRASHES * CUSTOMERS, answers
    assert set(answers) <= {"200", "none"}, answers


def test_who_stays_connected_is_told_to_leave_before_the_server_ends(stack: Stack) -> None:
    """A request on a connection that the server closes at that moment is lost, and must not be sent again."""
    over, answers = threading.Event(), Counter[str]()
    host, headers = urlsplit(stack.url).netloc, {"Content-Type": "application/json"}

    def stay() -> None:
        """Each request on the connection of the one before, unless that one's answer said otherwise."""
        connection = http.client.HTTPConnection(host, timeout=SECONDS)
        while not over.wait(random.uniform(0.02, 0.2)):
            try:
                connection.request("POST", "/api/auth/token/refresh", b'{"refresh": "none"}', headers)
                answer = connection.getresponse()
                answer.read()
                answers[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                answers[repr(error)] += 1
                connection.close()
        connection.close()

    move(stack, answers, over, [stay] * STAYING)
    assert set(answers) == {"401"}, answers


def move(
    stack: Stack, answers: Counter[str], over: threading.Event, customers: list[Callable[[], None]]
) -> None:
    """The gateway comes and goes while they ask."""
    threads = [threading.Thread(target=customer) for customer in customers]
    for customer in threads:
        customer.start()
    try:
        for stage in (1, 0):
            stack.up(stage)
            enough = answers.total() + MORE
            wait_for(partial(served, answers, enough))
    finally:
        over.set()
        for customer in threads:
            customer.join()
