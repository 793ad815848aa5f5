"""`manage.py rotate_keys` while people use the shop: nobody is logged out."""

import subprocess
import sys
import time

import jwt
import pytest

from strangler.toolkit.stack import Stack
from tests.edge.client import Client, steadily
from tests.ports import wait_for
from tests.python_path import ROOT

LEAD_SECONDS = 3


@pytest.fixture
def member(stack: Stack) -> Client:
    return Client(stack.url, "customer-003@shop.example")


def rotate(stack: Stack) -> str:
    """The command as an operator types it, with the environment of the host."""
    command = [sys.executable, "monolith/manage.py", "rotate_keys", "--lead", str(LEAD_SECONDS)]
    done = subprocess.run(
        command,
        env=stack.environment("web"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[1]


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def issued(token: str) -> int:
    return int(jwt.decode(token, options={"verify_signature": False})["iat"])


def test_keys_change_and_nobody_is_logged_out(
    stack: Stack, member: Client, anonymous: Client, product: int
) -> None:
    before = member.tokens
    writer = Client(stack.url, "customer-004@shop.example")
    line = f"/api/cart/lines/{product}"
    calls = [lambda: member.get("/api/me"), lambda: writer.ask("PUT", line, json={"quantity": 1})]
    with steadily(*calls) as seen:
        began = time.time()
        new = rotate(stack)
        published = [key["kid"] for key in anonymous.get("/.well-known/jwks.json").json()["keys"]]
        assert {new, kid(before["access"])} <= set(published)
        # Published, but it does not sign yet: verifiers get the time to learn of it.
        soon = member.log_in("customer-003@shop.example")["access"]
        assert kid(soon) == kid(before["access"]) or issued(soon) > began + LEAD_SECONDS - 1
        after: dict[str, str] = {}

        def signs() -> bool:
            body = {"refresh": before["refresh"]}
            after.update(anonymous.ask("POST", "/api/auth/token/refresh", json=body).json())
            return kid(after["access"]) == new

        wait_for(signs, seconds=LEAD_SECONDS + 60)
        fresh = Client(stack.url)
        fresh.use(after["access"])
        # More than there are processes and threads that might not know the key.
        answers = [fresh.get("/api/me").status_code for _ in range(40)]
        logged_in = Client(stack.url, "customer-005@shop.example")
        wait_for(lambda: len(seen) > 100)

    assert set(answers) == {200}
    assert {answer.status for answer in seen} == {200}, [a for a in seen if a.status != 200][:3]
    assert kid(logged_in.tokens["access"]) == new
