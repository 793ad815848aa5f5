"""A system small enough to know by heart, a journey through it, and a proxy that plants differences."""

import itertools
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import urllib3
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from strangler.toolkit.parity import Identifier, Journey, Rules

Wsgi = Callable[..., Any]
Plant = Callable[[Request, Response], None]

RULES = Rules(
    identifiers=[Identifier(kind="note", at="id"), Identifier(kind="reference", at="reference")],
    texts=[r"(?P<reference>n_[0-9a-f]{12})"],
    times=frozenset({"created_at"}),
)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are written separately; Nagle's algorithm would hold the body back for 40 ms.
    disable_nagle_algorithm = True

    def log_request(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def served(app: Wsgi) -> Iterator[str]:
    """The application on a port of its own; yields its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class Tiny:
    """Notes: POST /notes {text, price} makes one, GET /notes/{id} and GET /notes show them; GET /late/{id}
    knows a note only once it was asked for it `late` times."""

    def __init__(self, *, first_id: int = 1, late: int = 0) -> None:
        self._ids = itertools.count(first_id)
        self._notes: dict[int, dict[str, Any]] = {}
        self._asked = Counter[str]()
        self._late = late

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        status, body = self._answer(request)
        response = Response(json.dumps(body), status=status, content_type="application/json")
        return response(environ, start_response)

    def _answer(self, request: Request) -> tuple[int, Any]:
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "POST", ["notes"]:
                return self._make(request)
            case "GET", ["notes"]:
                notes = [note for note in self._notes.values() if request.args["of"] == note["of"]]
                return 200, {"notes": notes, "next": f"{request.host_url}notes?page=2"}
            case "GET", [("notes" | "late") as kind, number] if number.isdigit():
                note = self._notes.get(int(number))
                self._asked[number] += kind == "late"
                early = kind == "late" and self._asked[number] <= self._late
                if note and not early:
                    return 200, note
        return 404, {"error": {"code": "not_found", "detail": "No such note.", "attr": None}}

    def _make(self, request: Request) -> tuple[int, Any]:
        body = json.loads(request.data)
        if not isinstance(body.get("price"), int) or not isinstance(body.get("text"), str):
            return 400, {"error": {"code": "invalid", "detail": "Not a note.", "attr": "price"}}
        number = next(self._ids)
        note = {
            "id": number,
            "of": body["of"],
            "text": body["text"],
            "price": f"{body['price'] / 100:.2f}",
            "reference": "n_" + secrets.token_hex(6),
            "created_at": datetime.now(UTC).isoformat(),
        }
        note["link"] = f"see {note['reference']}"
        self._notes[number] = note
        return 201, note


def make(journey: Journey, price: Any, text: Any = "x") -> Any:
    return journey.call("POST", "/notes", json={"of": journey.name, "price": price, "text": text})


def notes(journey: Journey) -> None:
    first = make(journey, 199)
    journey.call("GET", f"/notes/{first['id']}", expect=200)
    make(journey, "free")
    make(journey, 250)
    journey.call("GET", "/notes", query={"of": journey.name}, expect=200)
    journey.call("GET", "/notes/0", expect=404)


class Proxy:
    """Hands requests on to `upstream` and lets `plant` spoil the answers."""

    def __init__(self, upstream: str, plant: Plant) -> None:
        self._pool = urllib3.connection_from_url(upstream, maxsize=8, retries=False)
        self._base = upstream
        self._plant = plant

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        kept = ("connection", "content-length")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in kept}
        body = request.get_data() or None
        answer = self._pool.urlopen(
            request.method, environ["RAW_URI"], body=body, headers=headers, redirect=False
        )
        response = Response(answer.data, status=answer.status)
        response.headers.clear()
        for name, value in answer.headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server", "content-length"):
                response.headers.add(name, value)
        self._plant(request, response)
        return response(environ, start_response)


def in_json(change: Callable[[Request, Any], Any]) -> Plant:
    """A plant that changes the parsed body of JSON answers in place."""

    def plant(request: Request, response: Response) -> None:
        if response.mimetype == "application/json" and response.data:
            body = json.loads(response.data)
            change(request, body)
            response.data = json.dumps(body)

    return plant
