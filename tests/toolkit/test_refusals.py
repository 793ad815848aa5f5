"""What is mistyped, or not there, is said in one message that names it; nobody gets a traceback."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strangler.toolkit.cli import app
from strangler.toolkit.stack.memory import Memory

NOBODY = "127.0.0.1:1"
AWAY = f"The message broker at {NOBODY} does not answer"
OTHER = "tests/second_project/plan.yaml"

REFUSED = {
    "stack up --stage 9": "docker-compose.yml has no services of stage 9. It has stages 0",
    "stack cancel --stage 1": "nothing is running here",
    "stack status": "nothing is running here",
    "stack logs nobody": "no log of nobody",
    "plan show /nowhere": "Name a plan file that exists",
    "tags --plan /nowhere": "",
    "contracts schemas --plan /nowhere": "Name a plan file that exists",
    "contracts asyncapi --plan /nowhere": "Name a plan file that exists",
    f"gateway show --consul-url http://{NOBODY}": f"Consul at http://{NOBODY} does not answer",
    f"gateway apply --stage 0 --consul-url http://{NOBODY}": f"Consul at http://{NOBODY} does not answer",
    f"config get monolith --consul-url http://{NOBODY}": f"Consul at http://{NOBODY} does not answer",
    f"config set monolith drain_seconds 1 --consul-url http://{NOBODY}": "does not answer",
    f"config history monolith --consul-url http://{NOBODY}": "does not answer",
    f"config rollback monolith --consul-url http://{NOBODY}": "does not answer",
    "config get nobody": "there is no 'nobody'",
    f"config get shelf --plan {OTHER} --consul-url http://{NOBODY}": "There are: library, books, gateway.",
    f"config get books --plan {OTHER} --consul-url http://{NOBODY}": "does not answer",
    "events dead monolith": "set BROKER_URL",
    f"events dead monolith --broker-url amqp://u:secret@{NOBODY}//": AWAY,
    f"events replay monolith --broker-url amqp://u:secret@{NOBODY}//": AWAY,
    f"events forget monolith --yes --broker-url amqp://u:secret@{NOBODY}//": "does not answer",
    f"rpc dead a.b --broker-url amqp://u:secret@{NOBODY}//": AWAY,
    f"rpc replay a.b --broker-url amqp://u:secret@{NOBODY}//": AWAY,
    f"rpc drop a.b --yes --broker-url amqp://u:secret@{NOBODY}//": AWAY,
    f"provision some --postgres-url postgresql://u:secret@{NOBODY}/x": "Connection refused",
    "provision some --postgres-url nonsense": "PostgreSQL: missing",
    "traces serve --bind nonsense": "is no HOST:PORT",
    "traces serve --bind 127.0.0.1:0 ": "is no HOST:PORT",
    "parity --stage 9": "docker-compose.yml has no services of stage 9",
    "parity --suite nobody.knows": "Name a module with --suite",
    f"parity --reference http://{NOBODY} --candidate http://{NOBODY}": f"at http://{NOBODY} does not",
    "parity --reference nonsense --candidate nonsense": "the reference at nonsense does not answer",
    "migrate --to 1 --windows a": "no list of rising percentages",
    "migrate --to 1 --windows 50,10": "no list of rising percentages",
    "migrate --to 1 --windows 10,200": "no list of rising percentages",
    "migrate --to 1 --until never": "there is no phase 'never'",
    "migrate --to 1 --sample 0": "greater than or equal to 1",
    "migrate --to 1": "POSTGRES_URL is not known",
    "rollback": "POSTGRES_URL is not known",
    "contract": "POSTGRES_URL is not known",
    f"status --postgres-url postgresql://{NOBODY}/x --consul-url http://{NOBODY}": "does not answer",
    f"status --postgres-url nonsense --consul-url http://{NOBODY}": "not of the form postgresql://",
    f"verify --postgres-url postgresql://{NOBODY}/x --consul-url http://{NOBODY}": "does not answer",
}


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    for name in ("BROKER_URL", "CONSUL_URL", "POSTGRES_URL", "TRAEFIK_URL", "STAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOME_DB_PASSWORD", "secret")
    monkeypatch.setenv("COLUMNS", "300")


@pytest.mark.parametrize("line", REFUSED)
def test_a_command_says_what_is_wrong(line: str) -> None:
    done = CliRunner().invoke(app, line.split())
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (1, 2)
    assert REFUSED[line] in done.output
    assert "secret" not in done.output


@pytest.mark.parametrize(
    "line",
    [
        "plan check /nowhere",
        "plan show /nowhere",
        "status --plan /nowhere",
        "migrate --to 1 --plan /nowhere",
        "gateway apply --stage 1 --plan /nowhere",
        "tags --plan /nowhere",
        "parity --plan /nowhere",
        "stack up --stage 9",
        "stack status",
        "stack logs nobody",
    ],
)
def test_what_is_not_there_is_another_status_than_what_went_wrong(line: str) -> None:
    assert CliRunner().invoke(app, line.split()).exit_code == 2


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        (f"gateway apply --stage 1 --plan {OTHER}", "set CONSUL_URL"),
        (f"config set books drain_seconds 1 --plan {OTHER}", "set CONSUL_URL"),
        (f"migrate --to 1 --plan {OTHER}", "POSTGRES_URL is not known"),
        (f"status --plan {OTHER}", "POSTGRES_URL is not known"),
    ],
)
def test_the_stack_that_runs_here_is_not_another_projects(line: str, missing: str, tmp_path: Path) -> None:
    Memory(tmp_path).running(1, 1024)
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code in (1, 2)
    assert missing in done.output


@pytest.mark.parametrize("base", ["abc", "80", "70000", "-1"])
def test_port_base_is_a_number_that_leaves_room(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_BASE", base)
    for line in ("stack up", "gateway show"):
        done = CliRunner().invoke(app, line.split())
        assert done.exit_code == 1
        assert f"PORT_BASE is '{base}'" in done.output


def test_a_taken_address_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = CliRunner().invoke(app, ["traces", "serve", "--bind", address, "--state", str(tmp_path / "x")])
    assert done.exit_code == 1
    assert f"{address} or {tmp_path / 'x'} cannot be had" in done.output
