"""Settings of a service in Consul, each change kept as a revision.

`config/<service>/<name>` holds what is valid (secrets encrypted), `config-history/<service>/<number>` one
change each. A change and its revision are one transaction, guarded so that two people who change
something at the same moment cannot overwrite each other's revision.
"""

import getpass
import os
from datetime import UTC, datetime

import msgspec

from strangler.chassis.config import PREFIX, ConfigError, check, encrypt, is_secret
from strangler.toolkit.consul import KeyValues, delete, is_absent, write

HISTORY = "config-history"


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `old` and `new` are as stored (secrets encrypted); None means: not set."""

    number: int
    at: str
    who: str
    name: str
    old: str | None
    new: str | None


class Configuration:
    """One service's settings in Consul."""

    def __init__(self, store: KeyValues, service: str, config_key: str = "") -> None:
        self.store, self.service, self.config_key = store, service, config_key

    def values(self) -> dict[str, str]:
        """What is set in Consul, by name, as stored."""
        stored = self.store.folder(f"{PREFIX}/{self.service}/")
        return {key.rsplit("/", 1)[-1]: value for key, value in stored.items()}

    def set(self, name: str, value: str) -> Revision:
        """Set a value after checking it; raises ConfigError."""
        check(self.service, name, value)
        if is_secret(self.service, name):
            if not self.config_key:
                raise ConfigError(f"{name} is a secret: CONFIG_KEY must be set to encrypt it.")
            value = encrypt(value, self.config_key)
        return self._change(name, value)

    def history(self) -> list[Revision]:
        """Every change, oldest first."""
        entries = self.store.folder(f"{HISTORY}/{self.service}/").values()
        return sorted(
            (msgspec.json.decode(entry, type=Revision) for entry in entries), key=lambda r: r.number
        )

    def rollback(self, to: int | None = None) -> list[Revision]:
        """Undo every change after revision `to` (the last one, if not given), newest first. The undoing is
        a change too: history only grows."""
        past = self.history()
        if not past:
            raise ConfigError(f"{self.service} has no history: nothing was changed yet.")
        target = past[-1].number - 1 if to is None else to
        if not 0 <= target < past[-1].number:
            raise ConfigError(f"{self.service} can go back to 0 … {past[-1].number - 1}, not to {target}.")
        restored: dict[str, str | None] = {}
        for revision in reversed(past):
            if revision.number > target:
                restored[revision.name] = revision.old
        return [self._change(name, value) for name, value in restored.items()]

    def _change(self, name: str, value: str | None) -> Revision:
        past = self.history()
        revision = Revision(
            number=past[-1].number + 1 if past else 1,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            who=os.environ.get("SUDO_USER") or getpass.getuser(),
            name=name,
            old=self.values().get(name),
            new=value,
        )
        key, record = f"{PREFIX}/{self.service}/{name}", f"{HISTORY}/{self.service}/{revision.number:06d}"
        self.store.transaction(
            [
                is_absent(record),
                write(record, msgspec.json.encode(revision).decode()),
                delete(key) if value is None else write(key, value),
            ]
        )
        return revision
