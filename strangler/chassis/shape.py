"""The API's one error shape, drf-standardized-errors', and what hosts and gateway say alike: also for what
answers without Django."""

from collections.abc import Sequence
from typing import Any

UNAVAILABLE = ("service_unavailable", "The service is temporarily unavailable. Try again.")
UNKNOWN = ("outcome_unknown", "The request may have had its effect, or not. Look before you send it again.")
TOO_LARGE = ("request_too_large", "The request body is too large.")

RETRY_AFTER = 2
"""Seconds after which a client may try again when a dependency was down or a lock was busy."""


def document(status: int, errors: Sequence[tuple[str, str, str | None]]) -> dict[str, Any]:
    """The error document of (code, detail, attr) triples."""
    kind = "client_error" if status < 500 else "server_error"
    return {"type": kind, "errors": [{"code": c, "detail": d, "attr": a} for c, d, a in errors]}
