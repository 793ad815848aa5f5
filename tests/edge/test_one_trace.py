"""One trace from the gateway's span to the statement, in the receiver, in the headers and in the logs."""

import json
import uuid
from typing import Any

import requests

from strangler.toolkit.stack import Stack
from tests.edge.client import TIMEOUT, Client
from tests.ports import wait_for

EXPORTED_SECONDS = 20
CLIENTS_SPAN = "2222222222222222"
Spans = list[dict[str, Any]]


def parent(trace: str, *, sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{CLIENTS_SPAN}-{'01' if sampled else '00'}"}


def receiver(stack: Stack) -> str:
    return f"http://{stack.address('traces', 4318)}"


def spans(stack: Stack, trace: str) -> Spans:
    answer = requests.get(f"{receiver(stack)}/api/traces/{trace}", timeout=TIMEOUT)
    found: Spans = answer.json() if answer.ok else []
    return found


def complete(stack: Stack, trace: str, name: str) -> Spans:
    """The trace once it has the gateway's spans, the host's and this one."""

    def there() -> bool:
        found[:] = spans(stack, trace)
        services, names = {s["service"] for s in found}, {s["name"] for s in found}
        # A span that ends later may arrive later: a parent, too.
        whole = {s["parent"] for s in found} <= {CLIENTS_SPAN, *(s["span"] for s in found)}
        return whole and {"gateway", "monolith"} <= services and any(name in each for each in names)

    found: Spans = []
    wait_for(there, seconds=EXPORTED_SECONDS)
    return found


def lineage(found: Spans, name: str) -> list[str]:
    """Services from the root down to a span of this name, each once."""
    by_id = {span["span"]: span for span in found}
    current = next(span for span in found if name in span["name"] and span["service"] == "monolith")
    services = [current["service"]]
    while current["parent"] in by_id:
        current = by_id[current["parent"]]
        services.insert(0, current["service"])
    assert current["parent"] == CLIENTS_SPAN
    return list(dict.fromkeys(services))


def an_address(customer: Client) -> int:
    body = {"name": "A", "street": "Main 1", "city": "Riga", "postcode": "1010", "country": "LV"}
    return int(customer.ask("POST", "/api/me/addresses", json=body).json()["id"])


def test_a_read_is_one_trace_from_the_client_to_the_statement(
    stack: Stack, anonymous: Client, product: int
) -> None:
    trace = uuid.uuid4().hex

    anonymous.get(f"/api/products/{product}", headers=parent(trace))

    found = complete(stack, trace, "SELECT")
    assert lineage(found, "SELECT") == ["gateway", "monolith"]
    statement = next(span for span in found if span["name"] == "SELECT")
    assert "catalog_product" in statement["attributes"]["db.query.text"]
    assert all(span["start"] <= span["finish"] for span in found)


def test_a_checkout_carries_it_to_the_provider(stack: Stack, customer: Client, product: int) -> None:
    trace = uuid.uuid4().hex
    customer.ask("PUT", f"/api/cart/lines/{product}", json={"quantity": 1})
    body = {"payment_token": "tok_ok", "address": an_address(customer)}
    headers = {"Idempotency-Key": trace, **parent(trace)}

    assert customer.ask("POST", "/api/checkout", json=body, headers=headers).status_code == 201

    found = complete(stack, trace, "INSERT")
    psp = stack.address("psp", 9100)
    assert any(psp in str(span["attributes"]) for span in found if span["service"] == "monolith")


def test_who_does_not_sample_is_not_sampled(stack: Stack, anonymous: Client) -> None:
    silent, heard = uuid.uuid4().hex, uuid.uuid4().hex

    anonymous.get("/api/categories", headers=parent(silent, sampled=False))
    anonymous.get("/api/categories", headers=parent(heard))

    complete(stack, heard, "SELECT")  # what came before would have been exported before
    assert spans(stack, silent) == []


def test_log_lines_of_both_have_its_id(stack: Stack, anonymous: Client, product: int) -> None:
    trace = uuid.uuid4().hex
    anonymous.get(f"/api/products/{product}", headers={**parent(trace), "X-Request-Id": f"r-{trace}"})

    def lines(service: str) -> list[dict[str, Any]]:
        text = (stack.layout.logs / f"{service}.log").read_text()
        return [json.loads(line) for line in text.split("\n") if trace in line and line.startswith("{")]

    wait_for(lambda: lines("web"), seconds=EXPORTED_SECONDS)
    [line] = lines("web")
    assert (line["trace_id"], line["logger"]) == (trace, "access")
    assert line["message"].startswith(f"GET /api/products/{product} 200")
    assert line["message"].endswith(f"r-{trace}")

    def in_the_gateways() -> bool:
        for _ in range(100):  # its log is buffered a hundred lines long
            anonymous.get("/api/categories")
        return bool(lines("traefik"))

    wait_for(in_the_gateways, seconds=EXPORTED_SECONDS)
    assert lines("traefik")[0]["TraceId"] == trace


def test_every_line_of_a_host_is_json_with_a_trace_id(stack: Stack) -> None:
    """But for gunicorn's own words about starting and stopping."""
    lines = (stack.layout.logs / "web.log").read_text().strip().split("\n")
    ours = [line for line in lines if not line.startswith("[")]
    assert ours
    assert all("trace_id" in json.loads(line) for line in ours)


def test_the_waterfall_page_shows_it(stack: Stack, anonymous: Client) -> None:
    trace = uuid.uuid4().hex
    anonymous.get("/api/categories", headers=parent(trace))
    complete(stack, trace, "SELECT")

    page = requests.get(f"{receiver(stack)}/traces/{trace}", timeout=TIMEOUT)
    listed = requests.get(f"{receiver(stack)}/?name=SELECT", timeout=TIMEOUT)

    assert page.headers["Content-Type"].startswith("text/html")
    assert all(name in page.text for name in ("gateway", "monolith", "SELECT", "catalog_category"))
    assert trace in listed.text


def test_health_checks_fill_no_page(stack: Stack, anonymous: Client) -> None:
    listed = requests.get(f"{receiver(stack)}/api/traces?limit=1000", timeout=TIMEOUT).json()
    assert listed
    assert not [trace["name"] for trace in listed if "livez" in trace["name"] or "readyz" in trace["name"]]
