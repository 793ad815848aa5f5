"""A Consul that lets nobody do what no token allows: with the policies of the guide all goes on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from strangler.chassis import consul
from strangler.chassis.discovery import Registration
from strangler.chassis.watching import Folder
from strangler.toolkit.cli import app
from strangler.toolkit.config.history import Configuration
from strangler.toolkit.consul import ConsulError, KeyValues, write
from strangler.toolkit.step import lock, state
from tests.consul import Consul, agent

GUIDE = Path(__file__).resolve().parents[2] / "strangler" / "GUIDE.md"
MASTER = "6a4d9c2e-0000-4000-8000-000000000001"
DENY = f'acl {{ enabled = true default_policy = "deny" tokens {{ master = "{MASTER}" agent = "{MASTER}" }} }}'
BOOKS = "strangler/domains/books"


@pytest.fixture(scope="module")
def denying() -> Iterator[tuple[Consul, dict[str, str]]]:
    """With a token for each policy of the guide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(consul.VARIABLE, MASTER)
        with agent(DENY) as started:
            policies = re.findall(r"```hcl\n(.*?)```", GUIDE.read_text(), re.DOTALL)
            names = ("host", "toolkit", "traefik")
            tokens = {name: _token(started, name, rules) for name, rules in zip(names, policies, strict=True)}
            patch.delenv(consul.VARIABLE)
            yield started, tokens


def _token(started: Consul, name: str, rules: str) -> str:
    def put(what: str, **body: Any) -> Any:
        return consul.ask("PUT", f"{started.url}/v1/acl/{what}", json=body, timeout=5).json()

    put("policy", Name=name, Rules=rules)
    return str(put("token", Policies=[{"Name": name}])["SecretID"])


@pytest.fixture
def store(denying: tuple[Consul, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> KeyValues:
    """As the toolkit has it."""
    started, tokens = denying
    monkeypatch.setenv(consul.VARIABLE, f"{tokens['toolkit']}\n")
    return KeyValues(started.url)


@pytest.fixture
def host(denying: tuple[Consul, dict[str, str]]) -> str:
    return denying[1]["host"]


def test_a_step_and_the_gateway_write_and_read(store: KeyValues) -> None:
    with lock.held(store, "books", command="test") as held:
        held.transaction([write("strangler/steps/books", "1"), write("config/books/log_level", '"INFO"')])
        held.confirm()
        told = state.Domain(owner="library", epoch=7)
        state.tell_in_a_hurry(store, "books", told)
    assert state.told(store, "books") == told
    assert store.folder("strangler/steps/") == {"strangler/steps/books": "1"}
    assert store.folder("strangler/nothing/") == {}
    assert store.instances("nobody") == {}
    settings = Configuration(store, "books")
    settings.set("log_level", "DEBUG")
    settings.rollback()
    where = dict.fromkeys(("CONSUL_URL", "FORWARD_AUTH_URL", "PAGES_URL"), store.url)
    done = CliRunner().invoke(app, ["gateway", "apply", "--stage", "1"], env=where)
    assert done.exit_code == 0, done.output


def test_a_host_registers_and_listens(
    store: KeyValues, host: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.transaction([write("config/books/log_level", '"INFO"'), write(BOOKS, "{}")])
    monkeypatch.setenv(consul.VARIABLE, host)
    for folder in ("config/books/", "strangler/domains/"):
        assert Folder(folder).changed(store.url)
    for name in ("books", "books-rpc"):
        instance = Registration(store.url, name, "127.0.0.1:9")
        for _ in range(2):
            instance.renew()
            instance._due = 0.0
        assert instance.id in consul.ask("GET", f"{store.url}/v1/agent/services", timeout=5).json()
        instance.stop()
        assert instance.id not in consul.ask("GET", f"{store.url}/v1/agent/services", timeout=5).json()
    assert "could not" not in caplog.text


@pytest.mark.parametrize("token", ["", "6a4d9c2e-0000-4000-8000-00000000beef"], ids=["none", "unknown"])
def test_without_the_token_nothing_is_taken_for_empty(
    store: KeyValues, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    """For a catalogue and a folder of which all is left out look so."""
    store.transaction([write(BOOKS, "{}")])
    monkeypatch.setenv(consul.VARIABLE, token)
    for asked in (
        lambda: store.folder("strangler/domains/"),
        lambda: store.instances("nobody"),
        lambda: store.transaction([write(BOOKS, "1")]),
        lambda: lock.held(store, "books", command="test").__enter__(),
    ):
        with pytest.raises(ConsulError, match=consul.VARIABLE):
            asked()
    with pytest.raises(consul.Refused, match=consul.VARIABLE):
        Folder("strangler/domains/").changed(store.url)
    Registration(store.url, "books", "127.0.0.1:9").renew()
    assert "books-127.0.0.1-9 could not be registered, trying again: Consul refuses" in caplog.text
    assert consul.VARIABLE in caplog.text


def test_a_host_may_not_speak_for_another(
    store: KeyValues, host: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(consul.VARIABLE, host)
    with pytest.raises(ConsulError, match=consul.VARIABLE):
        store.transaction([write("strangler/domains/lending", "{}")])
    Registration(store.url, "lending", "127.0.0.1:9").renew()
    assert "could not be registered" in caplog.text
    assert host not in caplog.text
