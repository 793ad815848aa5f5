"""Each answer gets the judgement that it deserves."""

import json
from typing import Any

import pytest

from tests.traffic.calls import Degraded, judge

ERROR = {"type": "server_error", "errors": [{"code": "error", "detail": "Sorry.", "attr": None}]}


def outcome(status: int, body: Any, *, wrong: str = "", expect: tuple[int, ...] = (200,)) -> str:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(status=status, content=content, problem="", expect=expect, check=lambda *_: wrong)[0]


@pytest.mark.parametrize(
    ("judged", "deserved"),
    [
        (outcome(200, {}), "ok"),
        (outcome(409, ERROR, expect=(201, 409)), "ok"),
        (outcome(200, {}, wrong="another price"), "failed"),
        (outcome(200, {}, wrong=Degraded("without notifications")), "unavailable"),
        (outcome(409, ERROR, expect=(409,), wrong="not sold out"), "failed"),
        (outcome(201, {}), "failed"),
        (outcome(404, ERROR), "failed"),
        (outcome(500, ERROR), "failed"),
        (outcome(409, {"detail": "No."}, expect=(409,)), "failed"),
        (outcome(200, b"<html>"), "failed"),
        (outcome(0, b""), "unavailable"),
        (outcome(502, ERROR), "unavailable"),
        (outcome(503, ERROR), "unavailable"),
        (outcome(504, ERROR), "unavailable"),
        (outcome(503, {"detail": "No."}), "failed"),
        (outcome(503, b"upstream"), "failed"),
    ],
)
def test_judgement(judged: str, deserved: str) -> None:
    assert judged == deserved


@pytest.mark.parametrize(
    "content", [None, b"null", b"[]", b'{"lines": null}', b'{"lines": [{"total": "x"}]}']
)
def test_a_body_of_another_shape_fails(content: bytes | None) -> None:
    found, detail, _ = judge(
        status=200,
        content=content,
        problem="",
        expect=(200,),
        check=lambda _, body: str(float(body["lines"][0]["total"])),
    )
    assert (found, "another shape" in detail) == ("failed", True)
