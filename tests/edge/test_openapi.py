"""The OpenAPI document against the shop behind its gateway: no 5xx, no answer that it does not describe."""

import re
import subprocess
import sys
from pathlib import Path

from strangler.toolkit.stack import Stack
from tests.edge.client import Client

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


def test_every_answer_is_documented(stack: Stack, staff: Client, tmp_path: Path) -> None:
    # Staff may use every route there is.
    token = staff.tokens["access"]
    command = [
        *[sys.executable, "-m", "schemathesis.cli", "run", f"{stack.url}/api/schema/?format=json"],
        *["--url", stack.url, "--header", f"Authorization:Bearer {token}", "--checks", ",".join(CHECKS)],
        *["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1"],
        *["--continue-on-failure", "--no-shrink", "--request-timeout", "20", "--workers", "2"],
        *["--suppress-health-check", "all", "--max-time", "100"],
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    [operations], [cases] = (
        re.findall(r"Tested: (\d+)", run.stdout),
        re.findall(r"(\d+) generated", run.stdout),
    )
    assert int(operations) >= 24
    assert int(cases) > 150
