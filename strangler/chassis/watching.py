"""A folder of Consul's key-value store, watched by blocking queries (Consul's API, "Blocking Queries")."""

from typing import Any

from strangler.chassis import consul

WAIT_SECONDS = 60
CONNECT_SECONDS = 2.0


class Folder:
    """`path` ends in a slash. `index` is what was seen last; with 0 the next look is answered at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.index = 0

    def changed(
        self, consul_url: str, *, answer_seconds: float = WAIT_SECONDS + 10
    ) -> list[dict[str, Any]] | None:
        """Its entries when something has changed, or None when the wait was over before; raises requests'
        errors, or ValueError for an answer that cannot be read."""
        query = {"index": str(self.index), "wait": f"{WAIT_SECONDS}s"}
        patience = (CONNECT_SECONDS, answer_seconds)
        answer = consul.folder(consul_url, self.path, timeout=patience, **query)
        if answer.status_code not in (200, 404):
            answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
        index = int(answer.headers.get("X-Consul-Index", "0"))
        # One that went back is another Consul's: everything is asked anew.
        changed, self.index = index != self.index, max(index, 1) if index >= self.index else 0
        return entries if changed else None
