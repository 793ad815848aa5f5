"""What the environment lacks or says wrongly is told at the start, not by what fails later."""

import os
import subprocess
import sys

import pytest

from strangler.chassis.ownership import rpc_hosts
from strangler.chassis.ownership.state import RpcHostsWrong
from tests.python_path import ROOT

TINY = "tests.chassis.ownership.tiny"
COMPLETE = {
    "DJANGO_SETTINGS_MODULE": f"{TINY}.settings",
    "DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
    "SECRET_KEY": "x",
    "CONFIG_KEY": "x",
}


def said(*command: str, **environment: str) -> str:
    """The last line of a program that does not start."""
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=path | COMPLETE | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stderr.strip().splitlines()[-1]


def test_hosts_of_domains() -> None:
    assert rpc_hosts("") == {}
    assert rpc_hosts(" kb=helpdesk  my_books=my-site ") == {"kb": "helpdesk", "my_books": "my-site"}


@pytest.mark.parametrize("text", ["kb=helpdesk,people=helpdesk", "kb:helpdesk", "kb=", "kb", "kb=a kb=b"])
def test_hosts_of_domains_that_are_none(text: str) -> None:
    with pytest.raises(RpcHostsWrong, match="with blanks between them"):
        rpc_hosts(text)


def test_a_process_ends_whose_hosts_of_domains_are_none() -> None:
    assert "RPC_HOSTS is 'kb=a,people=a'" in said("django", "check", RPC_HOSTS="kb=a,people=a")


def test_a_process_that_others_are_to_find_says_who_and_where_it_is() -> None:
    consul = {"CONSUL_URL": "http://127.0.0.1:1", "PROCESS": "web"}
    web = ("strangler.chassis.web", f"{TINY}.wsgi:application")
    assert "ADVERTISE is not set" in said(*web, SERVICE="tiny", **consul)
    assert "SERVICE is not set" in said(*web, ADVERTISE="127.0.0.1:1", **consul)
    rpc = ("strangler.chassis.rpc", f"{TINY}.settings")
    assert "SERVICE is not set" in said(*rpc, **consul | {"PROCESS": "rpc"})
