"""The hosts run what the plan says that they run."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from monolith.settings import MOVES_AT
from strangler.toolkit.plan import load
from strangler.toolkit.stack import compose
from tests.architecture.sources import ROOT

PLAN = load(ROOT / "migrations-plan/plan.yaml")
SERVICES = compose.load(ROOT / "docker-compose.yml", compose.read_env(ROOT / ".env"))
EXTRACTED = [name for name in PLAN.hosts if name != PLAN.origin]


def test_the_monoliths_table_agrees_with_the_plan() -> None:
    assert {d: s.number for s in PLAN.stages for d in s.moves} == MOVES_AT
    assert set(MOVES_AT) == set(PLAN.domains)


def started(host: str, *, stage: int = 0) -> dict[str, Any]:
    """What Django knows in a process of the host: one process has one host's settings."""
    script = (
        "import django, json; django.setup(); from django.conf import settings as s;"
        f"import {host}.wsgi; print(json.dumps(dict(domains=s.DOMAINS, apps=s.INSTALLED_APPS)))"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": PLAN.hosts[host].settings,
        "SERVICE": host,
        "STAGE": str(stage),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("stage", [stage.number for stage in PLAN.built])
def test_the_monolith_starts_with_the_domains_of_its_stage(stage: int) -> None:
    owned = {domain for domain in PLAN.domains if PLAN.host_of(domain, stage=stage) == PLAN.origin}
    assert set(started(PLAN.origin, stage=stage)["domains"]) == owned


@pytest.mark.parametrize("host", EXTRACTED)
def test_an_extracted_host_runs_its_domain_and_has_no_accounts(host: str) -> None:
    found = started(host)
    assert found["domains"] == [host]
    assert not [app for app in found["apps"] if app.startswith("django.contrib.")]


@pytest.mark.parametrize("host", PLAN.hosts)
def test_the_projects_file_names_the_domains(host: str) -> None:
    folder = ROOT / ("monolith" if host == PLAN.origin else f"extracted/{host}")
    project = tomllib.loads(Path(folder, "pyproject.toml").read_text())
    expected = list(PLAN.domains) if host == PLAN.origin else [host]
    assert project["tool"]["strangler"]["domains"] == expected


WEB = {name for name, service in SERVICES.items() if "strangler.chassis.web" in service.command}
BEHIND_GATEWAY = {name for name in WEB if SERVICES[name].profiles != ["stage-0"]}


def test_what_hosts_tell_each_other_their_web_processes_alone_can_sign() -> None:
    """Of the stages at which there are several."""
    assert {name for name in SERVICES if "FORWARDING_KEY" in SERVICES[name].environment} == BEHIND_GATEWAY
    assert len({SERVICES[name].environment["FORWARDING_KEY"] for name in BEHIND_GATEWAY}) <= 1


def test_who_is_behind_the_gateway_is_told() -> None:
    """Who is not, and believed it, would go by what clients say of their address."""
    assert {name for name in WEB if "BEHIND_GATEWAY" in SERVICES[name].environment} == BEHIND_GATEWAY
