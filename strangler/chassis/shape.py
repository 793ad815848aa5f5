"""The API's one error shape, drf-standardized-errors': also for what answers without Django."""

from collections.abc import Sequence
from typing import Any


def document(status: int, errors: Sequence[tuple[str, str, str | None]]) -> dict[str, Any]:
    """The error document of (code, detail, attr) triples."""
    kind = "client_error" if status < 500 else "server_error"
    return {"type": kind, "errors": [{"code": c, "detail": d, "attr": a} for c, d, a in errors]}
