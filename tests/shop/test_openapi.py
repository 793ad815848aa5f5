"""The OpenAPI document against the running shop: no 5xx, and no answer that it does not describe."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from shop.accounts.models import User
from shop.accounts.tokens import issue
from tests.shop_process import Shop

EXAMPLES = 10
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
]


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    call_command("seed")
    shop = Shop(tmp_path)
    try:
        shop.start()
        yield shop
    finally:
        shop.kill()


def test_every_answer_is_documented(shop: Shop, tmp_path: Path) -> None:
    # Staff may use every route there is.
    token = issue(user=User.objects.get(email="staff@shop.example"), kind="access")
    command = [
        *[sys.executable, "-m", "schemathesis.cli", "run", f"{shop.url}/api/schema/?format=json"],
        *["--url", shop.url, "--header", f"Authorization:Bearer {token}", "--checks", ",".join(CHECKS)],
        *["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1"],
        *["--continue-on-failure", "--no-shrink", "--request-timeout", "20", "--workers", "2"],
        *["--suppress-health-check", "all", "--max-time", "20"],
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    [operations], [cases] = (
        re.findall(r"Tested: (\d+)", run.stdout),
        re.findall(r"(\d+) generated", run.stdout),
    )
    assert int(operations) >= 24
    assert int(cases) > 500
