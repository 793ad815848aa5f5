"""The traffic's client: what gets no answer is seen, and is not sent again behind our back."""

import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.traffic.calls import Call

METHODS = ("GET", "PUT", "DELETE", "POST", "PATCH")
ASK = """
from gevent import monkey; monkey.patch_all()
import sys
from pathlib import Path
from locust.env import Environment
from tests.traffic.calls import Recorder
from tests.traffic.shopper import Shopper

class Anybody(Shopper):
    abstract = False
    host = sys.argv[1]

Anybody.recorder = Recorder(Path(sys.argv[2]))
shopper = Anybody(Environment(user_classes=[Anybody], host=sys.argv[1]))
for method in sys.argv[3:]:
    shopper.call(method, "/", name=method, body=None if method == "GET" else {})
Anybody.recorder.close()
"""


@pytest.fixture
def asked() -> Counter[str]:
    return Counter()


@pytest.fixture
def silent(asked: Counter[str]) -> str:
    """A server that reads a request and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                asked[connection.recv(65536).split(b" ")[0].decode()] += 1

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_no_request_is_sent_again(silent: str, asked: Counter[str], tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    subprocess.run([sys.executable, "-c", ASK, silent, str(calls), *METHODS], check=True, timeout=60)
    recorded = [msgspec.json.decode(line, type=Call) for line in calls.read_bytes().splitlines()]
    assert [(call.name, call.outcome) for call in recorded] == [(m, "unavailable") for m in METHODS]
    assert asked == dict.fromkeys(METHODS, 1)
