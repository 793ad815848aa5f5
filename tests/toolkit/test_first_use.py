"""`./run` before anything is there: what an interruption, or a checkout that was moved, leaves behind."""

import os
import shutil
import signal as signals
import subprocess
from pathlib import Path

import pytest

from tests.python_path import ROOT

SECONDS = 30
APT = """\
#!/bin/sh
[ "$1" = install ] || exit 0
ls "$DAEMONS" "$CLUSTERS" >"$SEEN" # both are there by now
[ -z "$SIGNAL" ] || kill -"$SIGNAL" $PPID
"""
INSTALL = """\
. ./run help >/dev/null
POLICY_FILE=$DAEMONS CLUSTER_FILE=$CLUSTERS
apt_install something
"""
# Stands for Python, for what `venv` makes, and for what is installed there.
PYTHON = """\
#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 0
echo made >>made
rm -rf .venv
mkdir -p .venv/bin
cp "$0" .venv/bin/python
cp "$0" .venv/bin/uv
[ -n "$INTERRUPTED" ] && exit 1
echo "#!$PWD/.venv/bin/python" >.venv/bin/pip
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def apt_installs(folder: Path, policy: Path, cluster: Path, signal: str = "") -> int:
    """The exit status of `run` that installs something; apt sends it the signal as it does."""
    script(folder / "bin" / "apt-get", APT)
    told = {"DAEMONS": str(policy), "CLUSTERS": str(cluster), "SEEN": str(folder / "seen"), "SIGNAL": signal}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", INSTALL],
        cwd=ROOT,
        env={"PATH": path, **told},
        timeout=SECONDS,
        check=False,
        preexec_fn=hear,
    ).returncode


def hear() -> None:
    """A process in the background, whose children tests are, may have been told to ignore some."""
    for one in (signals.SIGHUP, signals.SIGINT):
        signals.signal(one, signals.SIG_DFL)


@pytest.mark.parametrize(("signal", "status"), [("", 0), ("HUP", 129), ("INT", 130), ("TERM", 143)])
def test_what_apt_is_told_is_taken_back_however_it_ends(signal: str, status: int, tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "etc" / "createcluster.conf"

    assert apt_installs(tmp_path, policy, cluster, signal) == status

    assert (tmp_path / "seen").read_text().split() == [str(cluster), str(policy)]
    assert not policy.exists()
    assert not cluster.exists()


def test_what_others_told_apt_stays(tmp_path: Path) -> None:
    policy, cluster = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    for path in (policy, cluster):
        path.write_text("mine")

    assert apt_installs(tmp_path, policy, cluster) == 0

    assert [policy.read_text(), cluster.read_text()] == ["mine", "mine"]


def test_packages_are_installed_anew_where_they_are_of_no_use(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    script(checkout / "run", (ROOT / "run").read_text())
    (checkout / "requirements").mkdir()
    (checkout / "requirements" / "dev.txt").write_text("something==1\n")
    script(tmp_path / "bin" / "python3.11", PYTHON)

    def made(checkout: Path, *, interrupted: bool = False) -> int:
        """How often .venv has been made once `./run status` has ended."""
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "INTERRUPTED": "yes" if interrupted else ""}
        command = [str(checkout / "run"), "status"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, timeout=SECONDS, check=False)
        assert (done.returncode == 0) is not interrupted
        return (checkout / "made").read_text().count("made")

    assert made(checkout, interrupted=True) == 1
    assert made(checkout) == 2
    assert made(checkout) == 2
    (checkout / "requirements" / "dev.txt").write_text("something==2\n")
    assert made(checkout) == 2, "other packages need no other place"

    moved = tmp_path / "moved"
    shutil.move(checkout, moved)
    assert made(moved) == 3
    (tmp_path / "link").symlink_to(moved)
    assert made(tmp_path / "link") == 3
