"""What every user of the shop has: a login, and calls that are judged and recorded."""

import time
from collections.abc import Callable, Collection
from typing import Any, ClassVar

import gevent
from geventhttpclient import client as sending
from locust import FastHttpUser, between
from locust.exception import StopUser

from tests.traffic.calls import GATEWAY_STATUSES, Answer, Call, Recorder, judge
from tests.traffic.journal import AnyEntry, Journal

# Not even what may be sent twice: a request that got no answer has failed, and is to be seen.
sending.IDEMPOTENT_METHODS = frozenset()

PASSWORD = "correct-horse-battery"
GIVE_UP_AFTER = 60.0
ACCESS_SECONDS = 8 * 60


class Shopper(FastHttpUser):
    """Logs in, calls, and says what came of it."""

    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0
    concurrency = 4
    wait_time = between(0.15, 0.55)

    journal: ClassVar[Journal]
    recorder: ClassVar[Recorder]

    email = ""
    token = ""
    refresh = ""
    token_since = 0.0

    def call(
        self,
        method: str,
        path: str,
        *,
        name: str,
        body: Any = None,
        expect: Collection[int] = (200,),
        check: Callable[[int, Any], str] | None = None,
        key: str = "",
        anonymous: bool = False,
    ) -> Answer:
        """One request, recorded under `name`."""
        headers = {} if anonymous or not self.token else {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        at, started = time.time(), time.perf_counter()
        with self.client.request(
            method, path, name=name, json=body, headers=headers, catch_response=True
        ) as response:
            seconds = time.perf_counter() - started
            content = response.content if response.status_code else None
            outcome, detail, decoded = judge(
                status=response.status_code or 0,
                content=content,
                problem=str(getattr(response, "error", None) or ""),
                expect=expect,
                check=check,
            )
            if outcome == "ok":
                response.success()
            else:
                response.failure(detail)
        call = Call(
            at=at,
            name=name,
            seconds=seconds,
            outcome=outcome,
            status=response.status_code or 0,
            detail=f"{method} {path}: {detail}" if detail else "",
        )
        self.recorder.record(call)
        return Answer(status=call.status, body=decoded, ok=outcome == "ok")

    def until_answered(self, attempt: Callable[[], Answer]) -> Answer:
        """Repeat a safely repeatable call until it has an answer that is no sign of an outage."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        pause = 0.2
        while True:
            answer = attempt()
            if answer.ok or answer.status not in {0, *GATEWAY_STATUSES} or time.monotonic() > deadline:
                return answer
            gevent.sleep(pause)
            pause = min(pause * 2, 2.0)

    def note(self, entry: AnyEntry) -> None:
        self.journal.write(entry)

    def log_in(self) -> None:
        credentials = {"email": self.email, "password": PASSWORD}
        answer = self.until_answered(
            lambda: self.call("POST", "/api/auth/token", name="log in", body=credentials, anonymous=True)
        )
        if not answer.ok:
            raise StopUser
        self.token, self.refresh = answer.body["access"], answer.body["refresh"]
        self.token_since = time.monotonic()

    def stay_logged_in(self) -> None:
        """Refresh the access token before it expires."""
        if time.monotonic() - self.token_since < ACCESS_SECONDS:
            return
        body = {"refresh": self.refresh}
        answer = self.until_answered(
            lambda: self.call(
                "POST", "/api/auth/token/refresh", name="refresh token", body=body, anonymous=True
            )
        )
        if answer.ok:
            self.token, self.token_since = answer.body["access"], time.monotonic()
        else:
            self.log_in()
