"""A host's configuration: one class whose attributes are the defaults.

Environment variables override the defaults (`LOGIN_RATE=5/min`), and Consul's key-value store overrides
both (`config/<service>/login_rate`), while the process runs: `current()` gives what is valid now. Secrets
lie encrypted in Consul (Fernet, with CONFIG_KEY); a value that does not fit its type is logged and left
out, and what was valid before stays.
"""

import base64
import logging
import os
import re
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import requests
from cryptography.fernet import Fernet, InvalidToken
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from strangler.chassis.errors import ChassisError
from strangler.chassis.watching import WAIT_SECONDS, Folder

log = logging.getLogger(__name__)

PREFIX = "config"
ENCRYPTED = "fernet:"
RETRY_SECONDS = 2.0
LOOK_SECONDS = 2.0

# What Traefik's circuit breakers compare, a blank for any number of them; joined comparisons are one again.
_IS, _WHOLE, _DECIMAL = r" (?:[<>]=?|[!=]=) ", r"(?:0|[1-9]\d{0,8})", r"\d{1,9}\.\d{1,9}"
_COMPARISON = re.compile(
    rf"NetworkErrorRatio \( \){_IS}{_DECIMAL}"
    rf"|ResponseCodeRatio \( {_WHOLE} , {_WHOLE} , {_WHOLE} , {_WHOLE} \){_IS}{_DECIMAL}"
    rf"|LatencyAtQuantileMS \( {_DECIMAL} \){_IS}{_WHOLE}".replace(" ", " *")
)
_JOINED = re.compile(r"\( *\0 *\)|\0 *(?:&&|\|\|) *\0")


def _breaker(expression: str) -> str:
    left, before = _COMPARISON.sub("\0", expression), ""
    while left != before:
        left, before = _JOINED.sub("\0", left), left
    if left.strip() == "\0":
        return expression
    raise PydanticCustomError(
        "breaker",
        "Traefik would disable every router. It compares NetworkErrorRatio() or "
        "ResponseCodeRatio(500, 600, 0, 600) with a decimal, LatencyAtQuantileMS(50.0) with a whole number: "
        "NetworkErrorRatio() > 0.5",
    )


Breaker = Annotated[str, AfterValidator(_breaker)]
Rate = Annotated[str, Field(pattern=r"^[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)$")]


class ConfigError(ChassisError):
    """A setting is unknown, does not fit its type, or cannot be decrypted."""


class Settings(BaseSettings):
    """What every host can be told. Rates are `<number>/<second|minute|hour|day>`; times are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    service: str = "host"
    process: str = ""
    consul_url: str = ""
    config_key: SecretStr = SecretStr("")
    forwarding_key: SecretStr = SecretStr("")
    advertise: str = ""
    otlp_endpoint: str = ""
    otlp_token: SecretStr = SecretStr("")
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    # With the 30 s that its last requests may take, a process ends within its `stop_grace_period`.
    drain_seconds: Annotated[float, Field(ge=0, le=8)] = 2.0
    login_rate: Rate = "10/min"
    login_client_rate: Rate = "300/min"
    register_client_rate: Rate = "300/min"
    event_attempts: Annotated[int, Field(ge=2, description="before an event is given up")] = 20


class GatewaySettings(BaseSettings):
    """What the gateway can be told: limits per client and per service. See `strangler/gateway`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="GATEWAY_")

    rate_limit_average: Annotated[int, Field(ge=1, le=10**9, description="a second and client")] = 500
    rate_limit_burst: Annotated[int, Field(ge=1, le=10**9, description="at once and client")] = 1000
    in_flight_limit: Annotated[int, Field(ge=1, le=10**9, description="requests under way, a service")] = 200
    in_flight_client_limit: Annotated[int, Field(ge=1, le=10**9, description="uploads included")] = 200
    # The gateway reads a body whole before it passes it on.
    body_limit_bytes: Annotated[int, Field(ge=1024, le=2**30)] = 2 * 1024 * 1024
    breaker_expression: Breaker = "NetworkErrorRatio() > 0.5"
    proxies: Annotated[int, Field(ge=0, le=10, description="in front of the gateway, which trusts them")] = 0


# What a process must know before it can ask Consul, and what says who it is, to others too: Consul cannot
# change them.
FROM_ENVIRONMENT = {
    *("service", "process", "consul_url", "config_key", "forwarding_key", "advertise", "otlp_endpoint")
}
CLASSES: dict[str, type[BaseSettings]] = {"gateway": GatewaySettings}


def settings_class(service: str) -> type[BaseSettings]:
    """The class that describes a service's settings."""
    return CLASSES.get(service, Settings)


def is_secret(service: str, name: str) -> bool:
    """Whether the setting is kept encrypted and never shown."""
    return settings_class(service).model_fields[name].annotation is SecretStr


def encrypt(value: str, key: str) -> str:
    """The value as it lies in Consul."""
    return ENCRYPTED + Fernet(key).encrypt(value.encode()).decode()


def decrypt(value: str, key: str) -> str:
    """The value in the clear, whether it was encrypted or not; raises ConfigError with the wrong key."""
    if not value.startswith(ENCRYPTED):
        return value
    try:
        return Fernet(key).decrypt(value.removeprefix(ENCRYPTED).encode()).decode()
    except (InvalidToken, ValueError) as error:
        raise ConfigError("an encrypted setting does not open with this CONFIG_KEY") from error


def check(service: str, name: str, value: str) -> None:
    """Raise ConfigError unless the service has such a setting, that Consul may change, and it fits."""
    known = settings_class(service).model_fields
    if name not in known:
        settable = ", ".join(sorted(known.keys() - FROM_ENVIRONMENT))
        raise ConfigError(f"{service} has no setting {name!r}. It has: {settable}.")
    if name in FROM_ENVIRONMENT:
        raise ConfigError(f"{service}.{name} comes from the environment: set {name.upper()} and restart.")
    try:
        values: dict[str, Any] = {name: value}
        settings_class(service)(**values)
    except ValidationError as error:
        raise ConfigError(f"{service}.{name} = {value!r}: {error.errors()[0]['msg']}.") from error


class LiveSettings:
    """The settings that are valid now, kept up to date from Consul by a thread of this process."""

    def __init__(self, defaults: type[Settings] = Settings) -> None:
        self.defaults = defaults
        self.value = defaults()
        self.listeners: list[Callable[[Settings], None]] = []
        self.folder = Folder(f"{PREFIX}/{self.value.service}/")
        self._pid = 0

    def get(self) -> Settings:
        if self.value.consul_url and self._pid != os.getpid():
            self._pid = os.getpid()  # a forked worker watches for itself
            threading.Thread(target=self._watch, name="config", daemon=True).start()
        return self.value

    def read(self) -> Settings:
        """The settings after one look at Consul: for a process that cannot have a thread that watches."""
        if self.value.consul_url:
            self.folder.index = 0  # answered at once
            try:
                self._once(answer_seconds=LOOK_SECONDS)
            except (requests.RequestException, ValueError) as error:
                log.warning("Consul does not answer; the settings stay as they are: %s", error)
        return self.value

    def _watch(self) -> None:
        pause = threading.Event()
        self.folder.index = 0
        while True:
            try:
                self._once()
            except (requests.RequestException, ValueError) as error:
                log.warning("Consul does not answer; the settings stay as they are: %s", error)
                pause.wait(RETRY_SECONDS)

    def _once(self, answer_seconds: float = WAIT_SECONDS + 10) -> None:
        """Returns when something changed or the wait is over."""
        entries = self.folder.changed(self.value.consul_url, answer_seconds=answer_seconds)
        if entries is not None:
            self._apply(entries)

    def _apply(self, entries: list[dict[str, Any]]) -> None:
        overrides: dict[str, Any] = {}
        for entry in entries:
            name = entry["Key"].rsplit("/", 1)[-1]
            try:
                stored = base64.b64decode(entry["Value"] or "").decode()
                value = decrypt(stored, self.value.config_key.get_secret_value())
                check(self.value.service, name, value)
                overrides[name] = value
            except (ConfigError, ValueError) as error:
                log.error("the setting %s is left out: %s", entry["Key"], error)
        fresh = self.defaults(**overrides)
        if fresh != self.value:
            self.value = fresh
            for listener in self.listeners:
                listener(fresh)


@lru_cache(maxsize=1)
def live() -> LiveSettings:
    """This process's settings, with their listeners."""
    return LiveSettings()


def current() -> Settings:
    """The settings that are valid now. Ask anew for each use; do not keep the answer."""
    return live().get()
