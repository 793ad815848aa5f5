"""The gateway is put in front of the shop, and taken away, while customers come who were not there before."""

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
import requests

from strangler.toolkit.stack import Stack
from tests.ports import wait_for
from tests.stacks import running

CUSTOMERS = 6
SECONDS = 10
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

    customers = [threading.Thread(target=come_and_go) for _ in range(CUSTOMERS)]
    for customer in customers:
        customer.start()
    try:
        for stage in (1, 0):
            stack.up(stage)
            enough = answers.total() + MORE
            wait_for(partial(served, answers, enough))
    finally:
        over.set()
        for customer in customers:
            customer.join()
    assert set(answers) == {"200 "}, answers
