"""A domain between two hosts, routed by a real Traefik."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from strangler.toolkit.gateway import splits
from strangler.toolkit.gateway.metrics import arms
from strangler.toolkit.gateway.routing import NotLive
from strangler.toolkit.gateway.splits import Split, SplitInvalid
from tests.ports import wait_for
from tests.toolkit.gateway.conftest import Gateway
from tests.toolkit.gateway.host import Host

STAGE = 2
TOKEN = {"Authorization": "Bearer x"}
EVERY_DOMAIN = ["accounts", "catalog", "inventory", "orders", "payments"]


@pytest.fixture(scope="module")
def hosts(gateway: Gateway) -> Iterator[dict[str, Host]]:
    found = {
        "monolith": gateway.host("monolith", *EVERY_DOMAIN),
        "catalog": gateway.host("catalog", "catalog"),
        "notifications": gateway.host("notifications", "notifications"),
    }
    for host in found.values():
        host.start()
    gateway.write(STAGE)
    yield found
    for host in found.values():
        host.stop()


@pytest.fixture(autouse=True)
def at_rest(gateway: Gateway, hosts: dict[str, Host]) -> Iterator[None]:
    for host in hosts.values():
        host.status, host.seconds, host.knows = 200, 0.0, 200
    yield
    splits.clear(gateway.store, "catalog")
    gateway.route(STAGE)


def split(gateway: Gateway, reads_to_new: int, *, writes_to: str = "monolith", new: str = "catalog") -> None:
    wanted = Split(old="monolith", new=new, reads_to_new=reads_to_new, writes_to=writes_to)
    splits.set(gateway.store, "catalog", wanted)
    gateway.route(STAGE)


def asked(gateway: Gateway, path: str = "/api/products", method: str = "GET", **more: str) -> str:
    """The host that answered."""
    answer = requests.request(method, gateway.url + path, headers=more, timeout=5)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["host"])


def reads(gateway: Gateway, number: int) -> Counter[str]:
    return Counter(asked(gateway) for _ in range(number))


def test_a_hosts_name_may_have_an_underscore(gateway: Gateway) -> None:
    host = gateway.host("new_catalog", "catalog")
    host.start()
    split(gateway, 100, new="new_catalog", writes_to="new_catalog")
    assert reads(gateway, 3) == {"new_catalog": 3}
    assert asked(gateway, "/api/products/7", "PATCH", **TOKEN) == "new_catalog"
    wait_for(lambda: arms(gateway.internal, "catalog")["new_catalog"].requests >= 3, seconds=15)
    split(gateway, 0)
    host.stop()


def test_at_rest_each_domain_is_answered_by_the_host_of_its_stage(gateway: Gateway) -> None:
    assert asked(gateway) == "monolith"
    assert asked(gateway, "/api/notifications", **TOKEN) == "notifications"
    assert asked(gateway, "/anything/else") == "monolith"
    gateway.route(3)
    assert asked(gateway) == "catalog"
    assert asked(gateway, "/api/products/7", "PATCH", **TOKEN) == "catalog"
    assert asked(gateway, "/api/stock/7") == "monolith"


def test_a_moved_domains_routes_ask_for_a_user_where_they_did_before(gateway: Gateway) -> None:
    gateway.route(3)
    for method, path, needs in [
        ("GET", "/api/products", False),
        ("POST", "/api/products", True),
        ("DELETE", "/api/products/7", True),
        ("GET", "/api/notifications", True),
        ("OPTIONS", "/api/notifications", False),
    ]:
        answer = requests.request(method, gateway.url + path, timeout=5)
        assert answer.status_code == (401 if needs else 200), (method, path)


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_reads_go_by_weight_from_the_first_request_on(gateway: Gateway, percent: int) -> None:
    split(gateway, percent)
    assert reads(gateway, 100)["catalog"] == percent


def test_writes_go_to_the_owner_whatever_the_reads_do(gateway: Gateway) -> None:
    split(gateway, 50)
    assert {asked(gateway, method="POST", **TOKEN) for _ in range(10)} == {"monolith"}
    split(gateway, 50, writes_to="catalog")
    assert {asked(gateway, method="POST", **TOKEN) for _ in range(10)} == {"catalog"}


def test_no_request_fails_while_the_weights_change(gateway: Gateway) -> None:
    split(gateway, 0)
    over, answers = threading.Event(), Counter[int]()

    def client() -> None:
        with requests.Session() as session:
            while not over.is_set():
                method, headers = ("POST", TOKEN) if sum(answers.values()) % 5 == 0 else ("GET", {})
                answers[
                    session.request(
                        method, f"{gateway.url}/api/products", headers=headers, timeout=5
                    ).status_code
                ] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    try:
        for percent in (1, 10, 50, 100, 0, 100):
            split(gateway, percent)
        split(gateway, 100, writes_to="catalog")
        splits.clear(gateway.store, "catalog")
        gateway.route(3)
        gateway.route(STAGE)
    finally:
        over.set()
        for one in clients:
            one.join()
    assert set(answers) == {200}, answers
    assert answers[200] > 50


def test_each_arm_is_measured_by_itself(gateway: Gateway, hosts: dict[str, Host]) -> None:
    split(gateway, 50)
    reads(gateway, 2)
    before = arms(gateway.internal, "catalog")
    hosts["catalog"].status, hosts["catalog"].seconds = 500, 0.06
    for _ in range(40):
        requests.get(f"{gateway.url}/api/products", timeout=5)
    requests.post(f"{gateway.url}/api/products", headers=TOKEN, timeout=5)
    requests.get(f"{gateway.url}/api/stock/1", timeout=5)
    arm = {host: now.since(before[host]) for host, now in arms(gateway.internal, "catalog").items()}
    assert (arm["monolith"].requests, arm["monolith"].errors) == (20, 0)
    assert (arm["catalog"].requests, arm["catalog"].errors) == (20, 20)
    assert arm["monolith"].quantile(0.5) < 0.05 <= arm["catalog"].quantile(0.5) < 0.2


def test_the_old_host_answers_reads_while_the_new_one_is_gone(gateway: Gateway) -> None:
    new = gateway.host("replacement", "catalog")
    new.start()
    split(gateway, 50, new="replacement")
    new.break_down()

    def counted() -> int:
        answers = [requests.get(f"{gateway.url}/api/products", timeout=5) for _ in range(10)]
        return sum(answer.status_code == 200 for answer in answers)

    # At first a read whose turn was the new host's is tried again, later Traefik knows that it is gone.
    assert counted() == 10
    wait_for(lambda: "replacement_catalog@consulcatalog" not in gateway.services(), seconds=15)
    assert reads(gateway, 10) == {"monolith": 10}
    new.registration.stop()


def test_a_domain_whose_host_is_gone_is_unavailable_and_the_others_are_not(gateway: Gateway) -> None:
    gone = gateway.host("former", "catalog")
    gone.start()
    wanted = Split(old="former", new="catalog", reads_to_new=0, writes_to="former")
    splits.set(gateway.store, "catalog", wanted)
    gateway.route(STAGE)
    assert asked(gateway) == "former"
    gone.stop()
    wait_for(lambda: "former_catalog@consulcatalog" not in gateway.services(), seconds=15)
    for method in ("GET", "POST"):
        answer = requests.request(method, f"{gateway.url}/api/products", headers=TOKEN, timeout=5)
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["code"] == "service_unavailable"
        assert answer.headers["Retry-After"]
    assert asked(gateway, "/api/stock/7") == "monolith"


def test_a_host_that_is_not_there_is_named(gateway: Gateway) -> None:
    splits.set(
        gateway.store, "catalog", Split(old="monolith", new="nobody", reads_to_new=1, writes_to="monolith")
    )
    with pytest.raises(NotLive, match="nobody_catalog@consulcatalog"):
        gateway.route(STAGE, seconds=5.0)


def test_only_a_domains_own_hosts_are_waited_for_and_no_spare(gateway: Gateway) -> None:
    """Which one that is gone could be, after its restart without the domain."""

    def write(domain: str, **kept: str) -> None:
        splits.set(gateway.store, "catalog", Split(reads_to_new=100, **kept))
        gateway.route(STAGE, domain=domain, seconds=5.0)

    write("catalog", old="former", new="catalog", writes_to="catalog")
    write("notifications", old="monolith", new="nobody", writes_to="nobody")
    with pytest.raises(NotLive, match="nobody_catalog@consulcatalog"):
        write("catalog", old="monolith", new="nobody", writes_to="nobody")


def test_a_split_that_makes_no_sense_is_refused(gateway: Gateway) -> None:
    with pytest.raises(SplitInvalid, match="neither 'monolith' nor 'catalog'"):
        splits.set(gateway.store, "catalog", Split(old="monolith", new="catalog", writes_to="nobody"))
    with pytest.raises(SplitInvalid, match="<= 100"):
        splits.set(
            gateway.store,
            "catalog",
            Split(old="monolith", new="catalog", reads_to_new=101, writes_to="catalog"),
        )


def test_clients_cannot_say_that_a_request_was_forwarded(gateway: Gateway) -> None:
    said = {"X-Strangler-Forwarded": "catalog;catalog;7", "X-Strangler-Signature": "0f"}
    headers = {**said, "X-User-Id": "1"}
    answer = requests.get(f"{gateway.url}/api/products", headers=headers, timeout=5)
    assert not {"x-strangler-forwarded", "x-strangler-signature", "x-user-id"} & set(answer.json()["headers"])


def test_only_a_read_that_got_no_answer_is_to_be_sent_again(gateway: Gateway, hosts: dict[str, Host]) -> None:
    """502 is Traefik's own of a connection that ended, and a host's of an answer that it lost. Breakers open
    over it: it comes last."""
    hosts["monolith"].status = 502
    expected = {"GET": (503, "service_unavailable", True), "POST": (502, "outcome_unknown", False)}
    for asked_for in ("GET /x", "POST /x", "POST /api/checkout", "POST /api/auth/token"):
        method, path = asked_for.split()
        answer = requests.request(method, gateway.url + path, headers=TOKEN, timeout=5)
        told = answer.status_code, answer.json()["errors"][0]["code"], "Retry-After" in answer.headers
        assert told == expected[method], asked_for


def test_what_was_never_sent_on_is_to_be_sent_again(gateway: Gateway, hosts: dict[str, Host]) -> None:
    """504 is Traefik's own of a host that hangs: here, of the one that is asked who the caller is."""
    hosts["monolith"].knows = 504
    for method, path in (("GET", "/api/cart"), ("POST", "/api/checkout")):
        answer = requests.request(method, gateway.url + path, headers=TOKEN, timeout=5)
        told = answer.status_code, answer.json()["errors"][0]["code"], "Retry-After" in answer.headers
        assert told == (503, "service_unavailable", True), method
