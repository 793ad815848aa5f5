"""A later stage's services beside the running ones, and restarts that nobody notices, in the real shop."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from contracts.accounts import Accounts
from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc.client import Client
from strangler.chassis.rpc.policies.call import SECONDS
from strangler.toolkit.consul import KeyValues, write
from strangler.toolkit.plan import load
from strangler.toolkit.stack import Stack, moves
from strangler.toolkit.stack.errors import ServiceFailed, StackError
from strangler.toolkit.stack.memory import Data
from strangler.toolkit.stack.moves import DataElsewhere
from tests.ports import wait_for
from tests.python_path import ROOT
from tests.stacks import running, strangler

NEW = {"rpc", "relay", "notifications-web", "notifications-rpc", "notifications-worker"}
CLIENTS = 4
BETWEEN_QUESTIONS = 0.02
FAILED = r"web-spare: ended 3 times before it was ready(.|\n)*'many'"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Stage 1, fresh from the seeds."""
    with running(1) as stack:
        yield stack


def pids(stack: Stack) -> dict[str, int | None]:
    return {name: row["pid"] for name, row in stack.status().items()}


@contextmanager
def asking(*questions: Callable[[], str]) -> Iterator[Counter[str]]:
    """Every question asked again and again by a client of its own; how often each answer came."""
    over, answers, lock = threading.Event(), Counter[str](), threading.Lock()

    def client(question: Callable[[], str]) -> None:
        while not over.is_set():
            answer = question()
            with lock:
                answers[answer] += 1
            over.wait(BETWEEN_QUESTIONS)

    clients = [threading.Thread(target=client, args=(question,)) for question in questions]
    for one in clients:
        one.start()
    try:
        wait_for(lambda: answers.total() > 4 * len(clients))
        yield answers
    finally:
        over.set()
        for one in clients:
            one.join()


def browsing(stack: Stack) -> Callable[[], str]:
    session = requests.Session()

    def ask() -> str:
        try:
            return str(session.get(f"{stack.url}/api/products?page_size=3", timeout=10).status_code)
        except requests.RequestException as error:
            return repr(error)

    return ask


def registering(stack: Stack) -> Callable[[], str]:
    """A write that the gateway does not try again: of the second customer of that address."""
    form = {"email": "customer-001@shop.example", "password": "correct-horse-battery", "name": "x"}

    def ask() -> str:
        try:
            answer = requests.post(f"{stack.url}/api/auth/register", json=form, timeout=10)
        except requests.RequestException as error:
            return repr(error)
        # A client may not register as often as it likes, which is an answer too.
        return str(answer.status_code).replace("429", "400")

    return ask


@contextmanager
def calling(stack: Stack) -> Iterator[Callable[[], str]]:
    """Calls of the monolith's rpc process."""
    client = Client(stack.environment("web")["BROKER_URL"], locate=lambda domain: "monolith")
    method = Accounts.methods["users"]

    def ask() -> str:
        try:
            found = client.call("accounts", method, {"ids": [1]})
        except DomainUnavailable as error:
            return repr(error)
        return f"user {found[1].id}"

    try:
        yield ask
    finally:
        client.close()


def test_a_later_stage_begins_beside_the_running_one_and_is_called_off(stack: Stack) -> None:
    before = pids(stack)
    for stage in (0, 1):
        with pytest.raises(StackError, match="a step begins to a later one"):
            stack.begin(stage)
    assert stack.memory.data == Data(stage=1)
    stack.begin(2)
    during = pids(stack)
    assert {name: during[name] for name in before} == before
    assert set(during) - set(before) == NEW
    stack.wait_ready()
    # Until the step is over the monolith runs every domain.
    assert stack.environment("rpc")["STAGE"] == "1"

    stack.up(1)
    assert set(pids(stack)) == set(during), "what began is kept by those who know nothing of it"

    stack.cancel(2)
    assert pids(stack) == before


def test_a_stage_that_moves_data_is_refused(stack: Stack) -> None:
    with pytest.raises(DataElsewhere, match=r"stage 2 has notifications.*strangler migrate --to 2"):
        moves.refuse_moves(stack, 2)
    moves.refuse_moves(stack, 1)
    moves.refuse_moves(stack, 0)


def test_a_step_that_is_under_way_stays_with_its_stage(tmp_path: Path) -> None:
    """After a reboot, too: what `.env` names is another stage, and one where no domain is elsewhere."""
    stack = Stack(ROOT, tmp_path)
    stack.memory.running(1, stack.port_base)
    stack.memory.begun(2)
    stack.memory.stopped()
    for other in (0, 3):
        with pytest.raises(DataElsewhere, match=r"step from stage 1 to 2.*up --stage 1.*migrate.*rollback"):
            moves.refuse_moves(stack, other)
    with pytest.raises(DataElsewhere, match=r"strangler migrate --to 2.*up --stage 1"):
        moves.refuse_moves(stack, 2)
    moves.refuse_moves(stack, 1)
    stack.memory.begun(None)
    moves.refuse_moves(stack, 0)


def test_services_with_another_environment_restart_and_no_request_fails(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECONDS, "query", 20.0)  # a machine that stands still is no failed request
    stack.begin(2)
    # A gateway may stand still for longer than it is given by default to hear who leaves.
    consul = KeyValues(f"http://{stack.address('consul', 8500)}")
    consul.transaction([write("config/monolith/drain_seconds", "4")])
    before = pids(stack)
    with calling(stack) as call, asking(*[browsing(stack)] * CLIENTS, registering(stack), call) as answers:
        stack.up(2)
    assert set(answers) == {"200", "400", "user 1"}, answers
    after = pids(stack)
    restarted = {name for name in before if after[name] != before[name]}
    assert restarted == {"web", "worker", "rpc", "relay"}
    assert set(after) == set(before)
    assert stack.environment("web")["STAGE"] == "2"
    with pytest.raises(DataElsewhere, match="strangler rollback"):
        moves.refuse_moves(stack, 1)
    refused = strangler(stack, "gateway", "apply", "--stage", "1", status=1)
    assert "Stage 1 has notifications at monolith, which runs without" in refused
    strangler(stack, "gateway", "apply", "--stage", "2")


def test_the_api_document_describes_what_has_moved_too(stack: Stack) -> None:
    plan = load(ROOT / "migrations-plan/plan.yaml")
    planned = {path for domain in plan.domains.values() for path in domain.routes}
    found = requests.get(f"{stack.url}/api/schema/?format=json", timeout=20).json()
    assert set(found["paths"]) == planned
    assert "Notification" in found["components"]["schemas"]


def test_an_instance_that_does_not_come_up_leaves_the_old_one_serving(stack: Stack) -> None:
    before = pids(stack)
    broken = Stack(ROOT, stack.layout.run, stack.port_base, {"WEB_THREADS": "many"})
    with asking(browsing(stack)) as answers, pytest.raises(ServiceFailed, match=FAILED):
        broken.up(2)
    assert set(answers) == {"200"}, answers
    after = pids(stack)
    assert set(after) == set(before)
    for name in ("web", "notifications-web"):
        assert after[name] == before[name]
