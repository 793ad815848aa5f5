"""Talking to one of the two systems."""

import time

import msgspec
import urllib3

from strangler.toolkit.parity.calls import Answer, Call

TIMEOUT = 30.0


class System:
    """A system under comparison: a name, a base URL, and connections that are kept open."""

    def __init__(self, name: str, base_url: str, *, timeout: float = TIMEOUT) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._pool = urllib3.connection_from_url(
            self.base_url, maxsize=2, retries=False, timeout=urllib3.Timeout(timeout)
        )

    def send(self, call: Call) -> Answer:
        """The answer to a resolved call; a broken connection is an answer too, of status 0."""
        headers = dict(call.headers)
        content = call.content
        if content is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        started = time.perf_counter()
        try:
            response = self._pool.urlopen(
                call.method,
                call.target,
                body=content,
                headers=headers,
                redirect=False,
                assert_same_host=False,
            )
        except urllib3.exceptions.HTTPError as error:
            # The message has addresses and object ids, which always differ; the kind of failure must not.
            return Answer(
                status=0, headers=[], text=type(error).__name__, seconds=time.perf_counter() - started
            )
        seconds = time.perf_counter() - started
        answer = Answer(
            status=response.status,
            headers=[(name.lower(), value) for name, value in response.headers.items()],
            text=response.data.decode("utf-8", "replace"),
            seconds=seconds,
        )
        if "json" in response.headers.get("content-type", ""):
            try:
                answer.json = msgspec.json.decode(response.data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return answer
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()
