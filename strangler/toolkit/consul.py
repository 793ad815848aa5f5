"""Consul, as far as the toolkit needs it: read a folder of its key-value store, write in one transaction, and
see what runs."""

import base64
from typing import Any

import requests

from strangler.toolkit.errors import ToolkitError

TIMEOUT = 10
LARGEST_TRANSACTION = 64


class ConsulError(ToolkitError):
    """Consul does not answer, or refused a transaction."""


class KeyValues:
    """The store behind a Consul agent's URL, and its catalogue."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def folder(self, prefix: str) -> dict[str, str]:
        """Every key below the prefix and its value."""
        answer = self._ask("GET", f"/v1/kv/{prefix}", params={"recurse": "1"})
        entries = answer.json() if answer.status_code == 200 else []
        return {entry["Key"]: base64.b64decode(entry["Value"] or "").decode() for entry in entries}

    def transaction(self, operations: list[dict[str, Any]]) -> None:
        """Carry out all operations or none; raises ConsulError if one of them does not hold."""
        if len(operations) > LARGEST_TRANSACTION:
            raise ConsulError(f"{len(operations)} operations do not fit into one transaction of Consul.")
        answer = self._ask("PUT", "/v1/txn", json=[{"KV": operation} for operation in operations])
        if answer.status_code != 200:
            errors = answer.json().get("Errors") if answer.status_code == 409 else answer.text
            raise ConsulError(f"Consul refused the transaction: {errors}")

    def tags(self, service: str) -> list[list[str]]:
        """The tags of each instance of a service that passes its check."""
        answer = self._ask("GET", f"/v1/health/service/{service}", params={"passing": "1"})
        entries = answer.json() if answer.status_code == 200 else []
        return [entry["Service"]["Tags"] for entry in entries]

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = requests.request(method, self.url + path, timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise ConsulError(f"Consul at {self.url} does not answer: {error}. Is stage 1 up?") from error
        if answer.status_code >= 500:
            raise ConsulError(f"Consul at {self.url} answers {answer.status_code}: {answer.text[:200]}")
        return answer


def write(key: str, value: str) -> dict[str, Any]:
    """The operation that sets a key."""
    return {"Verb": "set", "Key": key, "Value": base64.b64encode(value.encode()).decode()}


def delete(key: str) -> dict[str, Any]:
    """The operation that removes a key."""
    return {"Verb": "delete", "Key": key}


def delete_folder(prefix: str) -> dict[str, Any]:
    """The operation that removes every key that begins so."""
    return {"Verb": "delete-tree", "Key": prefix}


def is_absent(key: str) -> dict[str, Any]:
    """Holds only if the key does not exist: the transaction's guard against a concurrent writer."""
    return {"Verb": "cas", "Key": key, "Index": 0, "Value": base64.b64encode(b"-").decode()}


def is_locked(key: str, session: str) -> dict[str, Any]:
    """Holds only while this session holds the key's lock."""
    return {"Verb": "check-session", "Key": key, "Session": session}
