"""`strangler config` against processes that serve: a changed limit holds at once, and so does its undoing."""

import json
import time
from collections.abc import Iterator
from itertools import count

import pytest
import requests

from strangler.chassis.config import ENCRYPTED, PREFIX, LiveSettings, Settings
from strangler.toolkit.config.history import HISTORY, Configuration
from strangler.toolkit.consul import KeyValues, delete, write
from strangler.toolkit.gateway.apply import retune
from strangler.toolkit.stack import Stack
from tests.edge.client import TIMEOUT, Client, code, steadily
from tests.ports import wait_for
from tests.stacks import strangler

TAKEN_OVER_SECONDS = 10
SECRET = "a-token-that-nobody-may-see"


@pytest.fixture(autouse=True)
def as_it_was(stack: Stack) -> Iterator[None]:
    yield
    store = KeyValues(f"http://{stack.address('consul', 8500)}")
    for service in ("gateway", "monolith"):
        settings = Configuration(store, service)
        if settings.values():
            settings.rollback(0)
    retune(store)


def test_a_rate_limit_of_the_gateway_changes_under_way(stack: Stack, anonymous: Client) -> None:
    with steadily(lambda: anonymous.get("/api/categories")) as seen:
        wait_for(lambda: len(seen) > 20)
        assert {answer.status for answer in seen} == {200}

        strangler(stack, "config", "set", "gateway", "rate_limit_burst", "1")
        strangler(stack, "config", "set", "gateway", "rate_limit_average", "1")
        wait_for(lambda: 429 in {answer.status for answer in seen}, seconds=TAKEN_OVER_SECONDS)
        refused = next(answer for answer in seen if answer.status == 429)
        assert json.loads(refused.text)["errors"][0]["code"] == "throttled"
        assert int(refused.headers["Retry-After"]) >= 1

        told = strangler(stack, "config", "rollback", "gateway", "--to", "0")
        assert "rate_limit_average: 1 → (not set)" in told
        # One a second is let through while the limit holds: twenty in a row are not.
        wait_for(lambda: {answer.status for answer in seen[-20:]} == {200}, seconds=TAKEN_OVER_SECONDS)

    assert {answer.status for answer in seen} == {200, 429}


def test_the_limit_of_requests_under_way_does_too(stack: Stack, anonymous: Client) -> None:
    numbers = count(1)

    def ask() -> requests.Response:
        """As somebody else each time, as far as a client can say."""
        number = next(numbers)
        headers = {"Host": f"127.0.0.1:{number}", "X-User-Id": str(number)}
        return Client(stack.url).get("/api/products?page_size=100", headers=headers)

    strangler(stack, "config", "set", "gateway", "in_flight_limit", "1")

    with steadily(*[ask] * 4, pause=0.001) as seen:
        wait_for(lambda: 429 in {answer.status for answer in seen}, seconds=TAKEN_OVER_SECONDS)

    assert {answer.status for answer in seen} == {200, 429}


def test_a_limit_of_the_shop_itself_does_too(stack: Stack) -> None:
    def log_in(email: str) -> requests.Response:
        return Client(stack.url).ask("POST", "/api/auth/token", json={"email": email, "password": "wrong"})

    assert {log_in("nobody-1@shop.example").status_code for _ in range(5)} == {401}
    strangler(stack, "config", "set", "monolith", "login_rate", "2/hour")

    def throttled_everywhere() -> bool:
        """Both web processes have heard of it when a new address is stopped after two tries, twice."""
        email = f"{time.monotonic_ns()}@shop.example"
        statuses = [log_in(email).status_code for _ in range(6)]
        return statuses == [401, 401, 429, 429, 429, 429]

    wait_for(throttled_everywhere, seconds=TAKEN_OVER_SECONDS)
    wait_for(throttled_everywhere, seconds=TAKEN_OVER_SECONDS)


def test_who_registers_too_often_gets_the_shops_own_answer(stack: Stack, anonymous: Client) -> None:
    strangler(stack, "config", "set", "monolith", "register_client_rate", "1/day")

    def register() -> requests.Response:
        return anonymous.ask("POST", "/api/auth/register", json={})

    wait_for(lambda: register().status_code == 429, seconds=TAKEN_OVER_SECONDS)
    wait_for(lambda: [register().status_code for _ in range(6)] == [429] * 6, seconds=TAKEN_OVER_SECONDS)
    refused = register()
    assert code(refused) == "throttled"
    seconds = refused.headers["Retry-After"]
    assert f"available in {seconds} second" in refused.json()["errors"][0]["detail"]


def test_another_address_in_a_header_is_no_way_around_it(stack: Stack) -> None:
    strangler(stack, "config", "set", "monolith", "login_rate", "2/hour")
    email = f"{time.monotonic_ns()}@shop.example"
    number = iter(range(1, 255))

    def status() -> int:
        headers = {"X-Forwarded-For": f"10.0.0.{next(number)}"}
        body = {"email": email, "password": "wrong"}
        return Client(stack.url).ask("POST", "/api/auth/token", json=body, headers=headers).status_code

    wait_for(lambda: status() == 429, seconds=TAKEN_OVER_SECONDS)


def test_history_says_who_changed_what_and_only_grows(stack: Stack) -> None:
    before = json.loads(strangler(stack, "config", "history", "monolith", "--json"))
    for rate in ("7/min", "8/min"):
        strangler(stack, "config", "set", "monolith", "login_rate", rate)

    strangler(stack, "config", "rollback", "monolith")

    got = json.loads(strangler(stack, "config", "get", "monolith", "login_rate", "--json"))
    assert got == {"login_rate": "7/min"}
    settable = json.loads(strangler(stack, "config", "get", "monolith", "--json"))
    assert "drain_seconds" in settable
    assert "consul_url" not in settable  # it is the environment's
    new = json.loads(strangler(stack, "config", "history", "monolith", "--json"))[len(before) :]
    assert [(r["name"], r["new"]) for r in new] == [
        ("login_rate", "7/min"),
        ("login_rate", "8/min"),
        ("login_rate", "7/min"),
    ]
    assert all(r["who"] and r["at"] for r in new)


def test_a_secret_lies_encrypted_and_opens_for_its_service_only(stack: Stack) -> None:
    consul = f"http://{stack.address('consul', 8500)}"
    told = strangler(stack, "config", "set", "monolith", "otlp_token", SECRET)
    told += strangler(stack, "config", "get", "monolith") + strangler(stack, "config", "history", "monolith")

    assert SECRET not in told
    assert "********" in told
    everything = KeyValues(consul).folder("")
    assert everything[f"{PREFIX}/monolith/otlp_token"].startswith(ENCRYPTED)
    assert SECRET not in str(everything)

    class Host(Settings):
        service: str = "monolith"
        consul_url: str = consul

    def opened(key: str) -> str:
        host = LiveSettings(Host)
        host.value = Host(config_key=key, consul_url=consul, service="monolith")  # type: ignore[arg-type]
        host.read()
        return host.value.otlp_token.get_secret_value()

    assert opened(stack.environment("web")["CONFIG_KEY"]) == SECRET
    assert opened("b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMDE=") == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("monolith", "login_rate", "often"), "login_rate = 'often'"),
        (("monolith", "speed", "9"), "has no setting 'speed'"),
        (("monolith", "config_key", "x"), "set CONFIG_KEY and restart"),
        (("monolith", "forwarding_key", "x"), "set FORWARDING_KEY and restart"),
        (("monolit", "login_rate", "3/min"), "there is no 'monolit'"),
        (("gateway", "breaker_expression", "NetworkErrorRatio > 0.5"), "Traefik would disable every router"),
        (("gateway", "rate_limit_average", "0"), "greater than or equal to 1"),
        (("gateway", "rate_limit_average", "9223372036854775808"), "less than or equal to 1000000000"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    arguments: tuple[str, ...], says: str, stack: Stack
) -> None:
    url = f"http://{stack.address('consul', 8500)}/v1/kv/{PREFIX}/?recurse=1&keys=1"
    before = requests.get(url, timeout=TIMEOUT).text
    status = 2 if arguments[0] == "monolit" else 1

    said = strangler(stack, "config", "set", *arguments, status=status)

    assert says in " ".join(said.split())
    assert requests.get(url, timeout=TIMEOUT).text == before


def test_a_value_that_got_into_consul_by_another_way_is_left_out(stack: Stack, customer: Client) -> None:
    url = f"http://{stack.address('consul', 8500)}/v1/kv/{PREFIX}/monolith/login_rate"
    log = stack.layout.logs / "web.log"
    try:
        requests.put(url, data=b"very often", timeout=TIMEOUT).raise_for_status()
        wait_for(lambda: "the setting config/monolith/login_rate is left out" in log.read_text())
        answer = customer.get("/api/me")
        assert answer.status_code == 200, code(answer)
    finally:
        requests.delete(url, timeout=TIMEOUT)


def test_a_limit_of_the_gateway_that_cannot_be_is_replaced(stack: Stack) -> None:
    """Somebody wrote it into Consul by hand: whatever is set next says so, until it is set itself."""
    store = KeyValues(f"http://{stack.address('consul', 8500)}")
    breaker = "traefik/http/middlewares/breaker/circuitBreaker/expression"
    store.transaction([write(f"{PREFIX}/gateway/breaker_expression", "nothing")])

    try:
        told = strangler(stack, "config", "set", "gateway", "rate_limit_burst", "2000", status=1)
        assert "gateway.breaker_expression = 'nothing'" in told
        strangler(stack, "config", "set", "gateway", "breaker_expression", "NetworkErrorRatio() > 0.4")

        written = store.folder("traefik/http/middlewares/")
        assert written[breaker] == "NetworkErrorRatio() > 0.4"
        assert written["traefik/http/middlewares/rate-limit/rateLimit/burst"] == "2000"
    finally:
        # No rollback: it would bring back what was there by hand.
        written = store.folder(f"{PREFIX}/gateway/") | store.folder(f"{HISTORY}/gateway/")
        store.transaction([delete(key) for key in written])
