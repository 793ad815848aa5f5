"""`X-Request-Id`: every answer carries one, the client's own or a new one, and the log line has it too."""

import re
import uuid

ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(given: str) -> str:
    """The client's id, if it is one that can be logged, or a new one."""
    return given if ACCEPTED.fullmatch(given) else uuid.uuid4().hex
