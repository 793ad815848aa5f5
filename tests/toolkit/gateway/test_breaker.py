"""Which circuit breakers a setting may ask for, against Traefik itself: it disables every router that has one
which it cannot read."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import requests

from strangler.chassis.config import ConfigError, check
from tests.ports import free_port, wait_for
from tests.probe import answers

EXPRESSIONS = {
    "NetworkErrorRatio() > 0.5": True,
    "NetworkErrorRatio()>=0.5": True,
    " ResponseCodeRatio( 500 , 600,0, 600 ) == 0.25 ": True,
    "LatencyAtQuantileMS(50.0) > 100": True,
    "NetworkErrorRatio() > 0.5 || LatencyAtQuantileMS(99.5) != 100 && NetworkErrorRatio() < 0.9": True,
    "((NetworkErrorRatio() > 0.5) || LatencyAtQuantileMS(50.0) > 100) && NetworkErrorRatio() <= 0.9": True,
    "": False,
    "true": False,
    "NetworkErrorRatio > 0.5": False,
    "NetworkErrorRatio()": False,
    "NetworkErrorRatio() > 1": False,
    "NetworkErrorRatio() = 0.5": False,
    "NetworkErrorRatio() > -0.5": False,
    "networkErrorRatio() > 0.5": False,
    "NetworkErrorRatio() > 0.5 ||": False,
    "NetworkErrorRatio() > 0.5 LatencyAtQuantileMS(50.0) > 100": False,
    "NetworkErrorRatio() > 0.5 & & NetworkErrorRatio() > 0.5": False,
    "NetworkErrorRatio() > 0.5) && (NetworkErrorRatio() > 0.5": False,
    "(NetworkErrorRatio() > 0.5": False,
    "!(NetworkErrorRatio() > 0.5)": False,
    "ResponseCodeRatio(500, 600, 0) > 0.25": False,
    "ResponseCodeRatio(500, 600, 0, 600) > 25": False,
    "LatencyAtQuantileMS(50) > 100": False,
    "LatencyAtQuantileMS(50.0) > 100.0": False,
    "LatencyAtQuantileMS(50.0) > 08": False,
}


@pytest.fixture(scope="module")
def enabled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Each expression, and whether Traefik enables a router that has it for its breaker."""
    names = {f"r{number}": expression for number, expression in enumerate(EXPRESSIONS)}
    breakers = {name: {"circuitBreaker": {"expression": expression}} for name, expression in names.items()}
    routers = {
        name: {"rule": f"Path(`/{name}`)", "service": "nobody", "middlewares": [name]} for name in names
    }
    services = {"nobody": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:1"}]}}}
    file = tmp_path_factory.mktemp("traefik") / "dynamic.yml"
    file.write_text(json.dumps({"http": {"routers": routers, "middlewares": breakers, "services": services}}))
    address, web = (f"127.0.0.1:{free_port()}" for _ in range(2))
    options = [f"--entryPoints.traefik.address={address}", f"--entryPoints.web.address={web}"]
    options += ["--api.insecure", "--ping", f"--providers.file.filename={file}"]
    traefik = str(Path(sys.executable).with_name("traefik"))
    process = subprocess.Popen([traefik, *options], stdout=subprocess.DEVNULL)

    def seen() -> list[dict[str, Any]]:
        found = requests.get(f"http://{address}/api/http/routers?per_page=1000", timeout=5).json()
        return [router for router in found if router["provider"] == "file"]

    try:
        wait_for(lambda: answers(f"http://{address}/ping"))
        wait_for(lambda: len(seen()) == len(names))
        return {names[r["name"].removesuffix("@file")]: r["status"] == "enabled" for r in seen()}
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_breaker_is_accepted_if_traefik_can_read_it(expression: str, enabled: dict[str, bool]) -> None:
    assert enabled[expression] is EXPRESSIONS[expression]
    refused = pytest.raises(ConfigError, match="Traefik would disable every router")
    with nullcontext() if enabled[expression] else refused:
        check("gateway", "breaker_expression", expression)
