"""A reference is used alike whether its target is a row of the same database or another host's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

SCRIPT = "import django; django.setup(); from tests.chassis.references import {0}; {0}.main()"
ROOT = Path(__file__).resolve().parents[3]


def walk(postgres: str, *domains: str, script: str = "walk") -> dict[str, Any]:
    """What the script tells in a host of these domains: one process has one host's models."""
    name = "_".join((script, *domains)).replace(".", "_").lower()
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.chassis.references.settings",
        "DATABASE_URL": f"{postgres.rpartition('/')[0]}/{name}",
        "DOMAINS": " ".join(domains),
        "ALLOWED_HOSTS": "testserver",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(script)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def local(postgres: str) -> dict[str, Any]:
    return walk(postgres, "people", "letters")


@pytest.fixture(scope="module")
def remote(postgres: str) -> dict[str, Any]:
    return walk(postgres, "letters")


def test_domain_may_be_installed_by_its_configuration(postgres: str, local: dict[str, Any]) -> None:
    assert walk(postgres, "people.apps.PeopleConfig", "letters") == local


ALIKE = (
    *("names", "prefetched", "none", "assigned", "kept", "refreshed", "filtered", "serialized", "valid"),
    *(
        "created",
        "invalid",
        "admin",
        "linked",
        "edited",
        "found",
        "sorted",
        "added",
        "form",
        "types",
        "parcels",
        "seal",
        "sealed",
        "stamps",
    ),
)


@pytest.mark.parametrize("what", ALIKE)
def test_local_and_remote_are_alike(local: dict[str, Any], remote: dict[str, Any], what: str) -> None:
    assert (local["local"], remote["local"]) == (True, False)
    assert (local["constraints"], remote["constraints"]) == (2, 0)
    assert remote[what] == local[what]


def test_what_they_are(remote: dict[str, Any]) -> None:
    """Guards the test above: were nothing found, both would be alike."""
    assert remote["names"] == remote["prefetched"] == ["Ada", "Grace", "Ada"]
    assert (remote["kept"], remote["refreshed"]) == ("Ada", "Countess")
    assert remote["serialized"] == {"id": 1, "person": 1, "copy": 2, "text": "to 1"}
    assert remote["admin"] == ["Grace", "Ada", "Grace", "Ada"]
    assert remote["linked"]["sortable"]
    assert remote["linked"]["links"] == [["target", name] for name in remote["admin"]]
    (said,) = remote["edited"]
    assert said.startswith("'list_editable' names the reference 'person'")
    assert (remote["found"], remote["sorted"]) == (["Grace"], ["Ada", "Ada", "Grace", "Grace"])
    assert (remote["added"], remote["form"]) == ([302, 2], [200, True])
    assert remote["types"]["seal_id"] == "uuid"
    stamps = remote["stamps"]
    assert stamps["columns"] == ["Holder", "id", "licker_id"]
    assert stamps["unique"] == [["Holder"]]
    assert stamps["names"] == ["Ada", "Ada", 1]
    assert stamps["again"] == {"owner": ["unique"]}
    assert stamps["form"] == {"owner": ["Who has it", True, ""], "licker": ["Licker", False, "if anybody"]}
    assert stamps["refused"].startswith("TypeError: A reference to people.Person takes no on_delete")
    assert stamps["checked"] == []
    assert stamps["deconstructed"][0][3] == {
        "related_name": "+",
        "db_column": "Holder",
        "unique": True,
        "verbose_name": "who has it",
    }
    assert stamps["cloned"] == [described[1:] for described in stamps["deconstructed"]]
    assert remote["parcels"][1] == {"non_field_errors": ["unique"]}


def test_key_that_would_be_another_elsewhere_is_found_out(
    local: dict[str, Any], remote: dict[str, Any]
) -> None:
    (said,) = local["checked"]
    assert said.startswith("The key of people.Seal is uuid, and where that is another host's, this column")
    assert remote["checked"] == []


def test_a_list_costs_one_call_and_a_target_that_is_down_shows_its_id(remote: dict[str, Any]) -> None:
    assert remote["calls"] == 1
    assert remote["admin_down"] == ["2", "2", "1", "2", "1"]


def test_what_cannot_be_said_is_refused_with_what_to_do(remote: dict[str, Any]) -> None:
    assert "contracts.people" in remote["joined"]
    assert "person_id__in" in remote["joined"]
    assert remote["selected"].startswith("RemoteJoin: Letter.person points at people.Person")
    assert "prefetch_related('person')" in remote["selected"]
    assert "`copy_id`" in remote["misassigned"]


def test_row_that_the_copy_has_not_got_yet_is_asked_of_the_owner(postgres: str) -> None:
    """After a cutover, until the old host runs without the domain."""
    told = walk(postgres, "people", "letters", script="behind")
    assert told["before"].startswith("DoesNotExist")
    assert told["names"] == told["prefetched"] == told["other_attribute"] == ["Ada", "Grace", "Grace"]
    assert (told["calls"], told["prefetch_calls"], told["queries"]) == (2, 1, 2)
    assert told["copy"] is None
    assert told["chosen"] == "RelatedObjectDoesNotExist: Letter has no person."
    assert told["chosen_calls"] == 0
    assert told["saved"] == ["saved", 2, "Grace"]
    assert told["assigned"] == [2, "Grace"]
    assert told["changed"] == "Ada"
    assert (told["to_forget"], told["forgotten"]) == ("Grace", [None, None, None])
    assert told["unknown"].startswith("DoesNotExist")
    assert told["admin"] == ["Grace", "Grace", "Ada"]
    assert told["found_while_down"] == "['Ada']"
    assert told["down"].startswith("DomainUnavailable")
    assert told["admin_down"] == ["2", "2", "1"]
    assert told["caught_up"] == [["Ada", "Grace", "Grace"], ["Ada", "Grace", "Grace"], 0]
