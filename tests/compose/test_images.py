"""What is built from a checkout that only its owner may read, as `umask 077` makes one."""

import shutil
from pathlib import Path

import pytest

from strangler.toolkit.stack.compose import load, read_env
from tests.architecture.sources import tracked
from tests.compose.conftest import STAGES
from tests.compose.containers import BUILD_SECONDS, ROOT, Containers, why_not

REASON = why_not()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=f"tests/compose: {REASON}"),
    pytest.mark.timeout(1500),
]


def test_containers_can_read_what_a_private_checkout_gives_them(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for path in tracked():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, checkout / path)
        if path.parts[0] != "requirements":  # whose packages other tests have installed already
            (checkout / path).chmod(0o600)
    for path in checkout.rglob("*/"):
        path.chmod(0o700)
    containers = Containers(max(STAGES), tmp_path, checkout)
    services = load(checkout / "docker-compose.yml", read_env(checkout / ".env"))
    by_image = {service.image: name for name, service in services.items() if service.built}
    try:
        containers.compose("build", "--quiet", seconds=BUILD_SECONDS)
        for name in by_image.values():
            find = ("find", "/app", "!", "-readable")
            assert containers.compose("run", "--rm", "--no-deps", "-T", name, *find) == "", name
    finally:
        containers.down()
