"""Consul, as far as the toolkit needs it: read a folder of its key-value store, write in one transaction, and
see what runs."""

import base64
from collections.abc import Callable
from typing import Any

import requests

from strangler.chassis import consul
from strangler.toolkit.errors import ToolkitError

TIMEOUT = 10
LARGEST_TRANSACTION = 64


class ConsulError(ToolkitError):
    """Consul does not answer, or refuses."""


class KeyValues:
    """The store behind a Consul agent's URL, and its catalogue."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def folder(self, prefix: str) -> dict[str, str]:
        """Every key below the prefix and its value."""
        answer = self._answer(lambda: consul.folder(self.url, prefix, timeout=TIMEOUT), unless=404)
        entries = answer.json() if answer.ok else []
        return {entry["Key"]: base64.b64decode(entry["Value"] or "").decode() for entry in entries}

    def transaction(self, operations: list[dict[str, Any]]) -> None:
        """Carry out all operations or none; raises ConsulError if one of them does not hold."""
        if len(operations) > LARGEST_TRANSACTION:
            raise ConsulError(f"{len(operations)} operations do not fit into one transaction of Consul.")
        sent = [{"KV": operation} for operation in operations]
        answer = self.ask("PUT", "/v1/txn", json=sent, unless=409)
        if not answer.ok:
            why = str(answer.json().get("Errors"))
            wanted = f". {consul.WANTED}" if "Permission denied" in why else ""
            raise ConsulError(f"Consul refused the transaction: {why}{wanted}")

    def instances(self, service: str) -> dict[str, list[str]]:
        """The instances of a service that pass their check: the tags of each by its id. Raises ConsulError
        too if this may not see services: Consul then answers as if there were none, not even its own."""
        found = self._passing(service)
        if not found and not self._passing("consul"):
            raise ConsulError(f"Consul at {self.url} shows no service, not even itself. {consul.WANTED}")
        return {entry["Service"]["ID"]: entry["Service"]["Tags"] for entry in found}

    def ask(
        self, method: str, path: str, *, unless: int = 0, timeout: float = TIMEOUT, **options: Any
    ) -> requests.Response:
        """Consul's answer; raises ConsulError if it is an error, unless it has this one status."""
        return self._answer(
            lambda: consul.ask(method, self.url + path, timeout=timeout, **options), unless=unless
        )

    def _passing(self, service: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", f"/v1/health/service/{service}", params={"passing": "1"})
        found: list[dict[str, Any]] = answer.json()
        return found

    def _answer(self, asked: Callable[[], requests.Response], *, unless: int) -> requests.Response:
        try:
            answer = asked()
        except consul.Refused as error:
            raise ConsulError(str(error)) from error
        except requests.RequestException as error:
            raise ConsulError(
                f"Consul at {self.url} does not answer: {error}. Is it running, and is CONSUL_URL "
                "its address? (This repository's own plan has it from stage 1 on.)"
            ) from error
        if not answer.ok and answer.status_code != unless:
            raise ConsulError(f"Consul at {self.url} answers {answer.status_code}: {answer.text[:200]}")
        return answer


def write(key: str, value: str) -> dict[str, Any]:
    """The operation that sets a key."""
    return {"Verb": "set", "Key": key, "Value": base64.b64encode(value.encode()).decode()}


def delete(key: str) -> dict[str, Any]:
    """The operation that removes a key."""
    return {"Verb": "delete", "Key": key}


def is_absent(key: str) -> dict[str, Any]:
    """Holds only if the key does not exist: the transaction's guard against a concurrent writer."""
    return {"Verb": "cas", "Key": key, "Index": 0, "Value": base64.b64encode(b"-").decode()}


def is_locked(key: str, session: str) -> dict[str, Any]:
    """Holds only while this session holds the key's lock."""
    return {"Verb": "check-session", "Key": key, "Session": session}
