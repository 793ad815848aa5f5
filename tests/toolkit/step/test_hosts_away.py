"""Hosts that are away, behind a real gateway: the new one, which is what one goes back for, and others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import requests

from strangler.toolkit.gateway import splits
from tests.ports import wait_for
from tests.toolkit.gateway.conftest import Gateway, running
from tests.toolkit.step.conftest import plan_of_two
from tests.toolkit.step.world import World

TOKEN = {"Authorization": "Bearer x"}
MIGRATE = ("migrate", "--to", "1", "--accept-inconclusive", "--shadow-seconds", "0")
AT_ONCE = ("--windows", "100", "--window-seconds", "1")
BETWEEN_QUESTIONS = 0.02
FOR_GOOD = ("contract", "--yes", "--restarted", "--domain")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


class Hosts:
    """All three behind the gateway, and the commands of their plan."""

    def __init__(self, world: World, gateway: Gateway, plan: Path) -> None:
        self.world, self.gateway, self.plan = world, gateway, plan
        self.library = gateway.host("library", "books", "lending")
        self.books, self.lending = gateway.host("books", "books"), gateway.host("lending", "lending")

    def strangler(self, *arguments: str, status: int | None = 0) -> str:
        places = {"CONSUL_URL": self.gateway.store.url, "TRAEFIK_URL": self.gateway.internal}
        return self.world.toolkit(*arguments, "--plan", str(self.plan), status=status, **places).said

    def migrate(self, *arguments: str, status: int = 0) -> str:
        return self.strangler(*MIGRATE, *AT_ONCE, *arguments, status=status)

    def await_gone(self, service: str) -> None:
        """The gateway knows that nobody is there."""
        wait_for(lambda: f"{service}@consulcatalog" not in self.gateway.services())

    def answers(self, method: str, path: str = "/books") -> str:
        answer = requests.request(method, self.gateway.url + path, headers=TOKEN, timeout=5)
        return str(answer.json()["host"]) if answer.ok else str(answer.status_code)

    @contextmanager
    def asked(self, path: str) -> Iterator[None]:
        """Somebody reads again and again."""
        over = Event()

        def client() -> None:
            while not over.wait(BETWEEN_QUESTIONS):
                self.answers("GET", path)

        thread = Thread(target=client)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def hosts(world: World, gateway: Gateway, lending: None, tmp_path: Path) -> Iterator[Hosts]:
    plan = plan_of_two(tmp_path)
    plan.write_text(plan.read_text().replace("origin: library", "origin: library\ngateway: { since: 0 }"))
    hosts = Hosts(world, gateway, plan)
    everybody = (hosts.library, hosts.books, hosts.lending)
    for host in everybody:
        host.start()
    urls = ("--auth-url", f"{gateway.internal}/internal/auth", "--pages-url", gateway.pages)
    hosts.strangler("gateway", "apply", "--stage", "0", *urls)
    world.seed(5)
    yield hosts
    for domain in ("books", "lending"):
        hosts.strangler("rollback", "--abort", "--domain", domain, status=None)
    for host in everybody:
        host.stop()
    for folder in ("strangler/", "traefik/"):
        gateway.store.transaction([{"Verb": "delete-tree", "Key": folder}])


def test_step_goes_back_from_soak_where_the_new_host_is_dead(hosts: Hosts) -> None:
    hosts.migrate()
    assert hosts.answers("POST") == "books"
    hosts.books.stop()
    hosts.await_gone("books_books")
    assert hosts.answers("POST") == "503"
    assert "What was written stays" in hosts.strangler("rollback", "--domain", "books")
    assert "books" not in splits.stored(hosts.gateway.store)
    assert (hosts.answers("GET"), hosts.answers("POST")) == ("library", "library")
    assert "does not exist" in hosts.migrate(status=1)  # nor does it go there again


def test_step_goes_back_from_a_cutover_whose_routes_lead_nowhere(hosts: Hosts) -> None:
    hosts.migrate("--until", "canary")
    hosts.books.stop()
    hosts.await_gone("books_books")
    said = hosts.migrate("--until", "cutover", status=1)
    assert "cutover: route writes" in said
    assert "does not exist" in said
    hosts.strangler("rollback", "--domain", "books")
    assert (hosts.answers("GET"), hosts.answers("POST")) == ("library", "library")


def test_bad_verdict_is_told_where_another_domains_host_is_dead(hosts: Hosts) -> None:
    hosts.migrate()
    hosts.strangler("rollback", "--domain", "lending")
    hosts.books.stop()
    hosts.await_gone("books_books")
    hosts.lending.status = 500
    with hosts.asked("/loans"):
        assert "lending did worse" in hosts.migrate("--windows", "50", "--sample", "10", status=3)


def test_domains_of_a_stage_are_given_up_one_after_the_other(hosts: Hosts) -> None:
    """The first one while the routes of the second still name the old host, for when the new one is away."""
    hosts.migrate()
    hosts.library.stop()
    for domain in ("books", "lending"):
        hosts.await_gone(f"library_{domain}")
    for domain in ("books", "lending"):
        hosts.strangler(*FOR_GOOD, domain)
    assert splits.stored(hosts.gateway.store) == {}
    assert (hosts.answers("POST"), hosts.answers("POST", "/loans")) == ("books", "lending")
