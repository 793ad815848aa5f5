"""What `--json` prints is for programs, though whoever runs them asks for colours, as in many a CI."""

import json
from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.events import letters as events
from strangler.toolkit.rpc import letters as rpc

EVENT = events.Letter(
    id="7",
    type="Lent",
    source="books",
    aggregate="1",
    reason="[red]",
    headers={},
    content_type="application/json",
    body=b"{}",
)
CALL = rpc.Letter(reason="it failed", key="books.books.get", headers={}, body=b"{}")


@pytest.fixture(autouse=True)
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter in every queue."""
    monkeypatch.setattr("strangler.toolkit.events.cli.opened", lambda *_: nullcontext([(EVENT, None)]))
    monkeypatch.setattr("strangler.toolkit.rpc.cli.opened", lambda *_: nullcontext([(CALL, None)]))


@pytest.mark.parametrize(
    "command",
    [
        "plan check --no-django --json",
        "plan show --json",
        "plan schema --json",
        "events dead books --broker-url amqp:// --json",
        "rpc dead books.books --broker-url amqp:// --json",
    ],
)
def test_json_is_without_colours(command: str) -> None:
    done = CliRunner().invoke(app, command.split(), env={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)
