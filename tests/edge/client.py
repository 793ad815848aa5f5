"""One user of the shop, and many requests at once."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import requests

PASSWORD = "correct-horse-battery"
STAFF = "staff@shop.example"
TIMEOUT = 20
TOKEN_SECONDS = 600


class Client:
    """Calls with a token, on a connection of its own; without an e-mail address, as nobody."""

    def __init__(self, url: str, email: str = "") -> None:
        self.url, self.email = url, email
        self.session = requests.Session()
        self.tokens: dict[str, str] = {}
        self.since = float("-inf")
        if email:
            self.renew()

    def renew(self) -> None:
        """Log in again if the token has lived for half of its time."""
        if time.monotonic() - self.since > TOKEN_SECONDS / 2:
            self.tokens, self.since = self.log_in(self.email), time.monotonic()
            self.use(self.tokens["access"])

    def log_in(self, email: str) -> dict[str, str]:
        answer = self.ask("POST", "/api/auth/token", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens

    def use(self, token: str) -> None:
        self.session.headers.pop("Authorization", None)
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=TIMEOUT, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)


def code(answer: requests.Response) -> str:
    """The one error's code; the answer must have the one error shape."""
    body = answer.json()
    assert body.keys() == {"type", "errors"}, body
    [error] = body["errors"]
    assert error.keys() == {"code", "detail", "attr"}
    return str(error["code"])


class Seen(NamedTuple):
    """One answer under load; status 0 is none, and `text` says why."""

    at: float
    status: int
    text: str
    headers: Mapping[str, str]


@contextmanager
def steadily(*calls: Callable[[], requests.Response], pause: float = 0.02) -> Iterator[list[Seen]]:
    """Repeat each call in a thread of its own until the block ends; the answers as they come."""
    seen: list[Seen] = []
    ended = threading.Event()

    def repeat(call: Callable[[], requests.Response]) -> None:
        while not ended.wait(pause):
            try:
                answer = call()
                seen.append(Seen(time.monotonic(), answer.status_code, answer.text, answer.headers))
            except requests.RequestException as error:
                seen.append(Seen(time.monotonic(), 0, str(error), {}))

    threads = [threading.Thread(target=repeat, args=[call], daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join(TIMEOUT)
