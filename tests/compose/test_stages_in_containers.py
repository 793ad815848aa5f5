"""`docker compose up` is the same shop: an order from login to mail, seen in its traces, on PostgreSQL 17
and RabbitMQ 4."""

import uuid
from typing import Any

import pytest
import requests

from strangler.toolkit.plan import load as load_plan
from strangler.toolkit.stack.compose import load, read_env
from tests.compose.conftest import STAGES
from tests.compose.containers import DOWN, ROOT, UP_SECONDS, Containers, why_not
from tests.ports import wait_for

REASON = why_not()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=f"tests/compose: {REASON}"),
    pytest.mark.timeout(1500),
]

CUSTOMER = {"email": "customer-001@shop.example", "password": "correct-horse-battery"}
TIMEOUT = 20


class Customer:
    """Someone who is logged in, and buys product 1."""

    def __init__(self, shop: str) -> None:
        self.shop = shop
        answer = requests.post(f"{shop}/api/auth/token", json=CUSTOMER, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['access']}"}

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(method, self.shop + path, headers=headers, timeout=TIMEOUT, **more)

    def buy(self, payment_token: str = "tok_ok", **headers: str) -> requests.Response:
        filled = self.ask("PUT", "/api/cart/lines/1", json={"quantity": 1})
        assert filled.status_code == 200, filled.text
        body = {"payment_token": payment_token, "address": 1}
        return self.ask(
            "POST", "/api/checkout", json=body, headers={"Idempotency-Key": uuid.uuid4().hex, **headers}
        )


@pytest.fixture(scope="module")
def customer(shop: str) -> Customer:
    return Customer(shop)


def test_everything_is_up_and_what_runs_once_has_succeeded(containers: Containers) -> None:
    services = load(ROOT / "docker-compose.yml", read_env(ROOT / ".env"))
    wanted = {
        name
        for name, service in services.items()
        if f"stage-{containers.stage}" in service.profiles or (containers.stage and name == "traces")
    }

    found = containers.all()

    assert found.keys() == wanted
    for name, row in found.items():
        if services[name].once:
            assert (row["State"], row["ExitCode"]) == ("exited", 0), name
        else:
            assert (row["State"], row["Health"]) in [("running", "healthy"), ("running", "")], name


def test_it_runs_on_the_servers_that_the_file_names(containers: Containers) -> None:
    version = containers.inside("postgres", "psql", "-U", "postgres", "-Atc", "SHOW server_version")
    assert version.startswith("17")
    assert "RabbitMQ version: 4." in containers.inside("rabbitmq", "rabbitmqctl", "status")


def test_the_shops_containers_are_nobodys_and_hold_only_what_is_theirs(containers: Containers) -> None:
    web = "web" if containers.stage else "web-direct"
    assert containers.inside(web, "id", "-u") == "10001"
    assert set(containers.inside(web, "ls", "/app").split()) == {"strangler", "extracted", "monolith"}
    assert containers.inside(web, "ls", "/app/strangler").split() == ["__init__.py", "chassis"]


def test_an_extracted_hosts_containers_hold_its_domain_and_no_other(containers: Containers) -> None:
    plan = load_plan(ROOT / "migrations-plan/plan.yaml")
    extracted = {plan.host_of(domain, stage=containers.stage) for domain in plan.domains} - {plan.origin}
    for host in extracted:
        web = f"{host}-web"
        assert containers.inside(web, "id", "-u") == "10001"
        assert set(containers.inside(web, "ls", "/app").split()) == {"strangler", "extracted"}
        assert set(containers.inside(web, "ls", "/app/extracted").split()) == {"contracts", host}
        assert containers.inside(web, "ls", f"/app/extracted/{host}/shop").split() == [host]
        database = f"SELECT has_database_privilege('{host}', '{plan.origin}', 'CONNECT')"
        assert containers.inside("postgres", "psql", "-U", "postgres", "-Atc", database) == "f"


def test_an_order_is_made_and_its_mail_is_sent(containers: Containers, customer: Customer) -> None:
    answer = customer.buy()

    assert answer.status_code == 201, answer.text
    number = answer.json()["number"]
    mails = containers.url("smtp", 8025) + "/mails"
    wait_for(lambda: number in requests.get(mails, timeout=TIMEOUT).text, seconds=30)
    wait_for(lambda: number in customer.ask("GET", "/api/notifications").text, seconds=30)
    assert customer.ask("GET", f"/api/orders/{number}").json()["status"] == "confirmed"
    [payment] = customer.ask("GET", f"/api/payments?order={number}").json()["results"]
    assert payment["amount"] == answer.json()["total"]


def test_a_declined_card_is_declined(customer: Customer) -> None:
    answer = customer.buy("tok_declined")

    assert answer.status_code == 402
    assert answer.json()["errors"][0]["code"] == "payment_declined"


def test_a_trace_goes_from_the_gateway_to_the_statement(containers: Containers, customer: Customer) -> None:
    if not containers.stage:
        pytest.skip("stage 0 has no traces")
    trace = uuid.uuid4().hex

    answer = customer.buy(traceparent=f"00-{trace}-{uuid.uuid4().hex[:16]}-01")

    assert answer.status_code == 201, answer.text
    url = containers.url("traces", 4318) + f"/api/traces/{trace}"

    def spans() -> list[dict[str, Any]]:
        found = requests.get(url, timeout=TIMEOUT)
        return found.json() if found.ok else []

    wait_for(lambda: {"gateway", "monolith"} <= {span["service"] for span in spans()}, seconds=30)
    wait_for(lambda: any("db.query.text" in span["attributes"] for span in spans()), seconds=30)


def test_a_service_that_is_stopped_leaves_in_good_order_and_comes_back(
    containers: Containers, shop: str
) -> None:
    web = "web" if containers.stage else "web-direct"

    containers.compose("stop", web)

    assert containers.all()[web]["ExitCode"] == 0
    if containers.stage:
        gone = requests.get(f"{shop}/api/stock/1", timeout=TIMEOUT)
        assert (gone.status_code, gone.json()["errors"][0]["code"]) == (503, "service_unavailable")
    containers.compose("start", web)
    containers.wait_healthy(web)
    # A port that is published anew may be another one.
    address = shop if containers.stage else containers.url("web-direct", 8000)
    wait_for(lambda: _answers(f"{address}/api/stock/1"), seconds=30)


def test_the_readmes_command_takes_down_whichever_stage_it_was(containers: Containers) -> None:
    """From here on nothing runs any more. Who types it has not set STAGE."""
    assert "docker compose --profile '*' down" in (ROOT / "README.md").read_text()
    containers.environment |= {"STAGE": "0", "COMPOSE_PROFILES": "stage-0"}

    containers.compose(*DOWN)

    assert containers.all() == {}


def test_a_stage_that_has_the_data_elsewhere_does_not_start_on_it(containers: Containers) -> None:
    """The last one: the volumes of the stage that was taken down."""
    assert "docker compose --profile '*' down --volumes" in (ROOT / "README.md").read_text()
    plan = load_plan(ROOT / "migrations-plan/plan.yaml")
    here = [plan.host_of(domain, stage=containers.stage) for domain in plan.domains]
    others = [n for n in STAGES if [plan.host_of(domain, stage=n) for domain in plan.domains] != here]
    if not others:
        pytest.skip("every stage has its data in the same place")
    for stage in others:
        containers.environment |= {"STAGE": str(stage), "COMPOSE_PROFILES": f"stage-{stage}"}
        said = rf"stage {stage} does not start on this data(.|\n)*--volumes"
        with pytest.raises(AssertionError, match=said):
            containers.compose("up", "--detach", "--wait", seconds=UP_SECONDS)
        ended = [row for name, row in containers.all().items() if name.endswith("provision")]
        assert {row["ExitCode"] for row in ended} == {1}
        containers.compose(*DOWN)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=TIMEOUT).status_code == 200
    except requests.RequestException:
        return False
