"""What the native runner makes before a server's first start."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from strangler.toolkit.stack import StackError, infrastructure
from strangler.toolkit.stack.addresses import Addresses
from strangler.toolkit.stack.compose import load, read_env
from strangler.toolkit.stack.program import Layout, own
from tests.python_path import ROOT


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=ROOT, run=tmp_path / "run")


def postgres(layout: Layout) -> list[str]:
    services = load(ROOT / "docker-compose.yml", read_env(ROOT / ".env"))
    return infrastructure.postgres(services["postgres"], layout, Addresses(services.values(), 9000)).command


def test_a_database_whose_making_was_interrupted_is_made_anew(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = layout.volume("postgres")

    def interrupted(command: list[str], **options: Any) -> None:
        Path(command[command.index("-D") + 1], "PG_VERSION").write_text("15")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            postgres(layout)
    assert not (layout.run / "postgres-password").exists()

    postgres(layout)

    assert (data / "global" / "pg_control").exists()
    assert [path.name for path in data.parent.iterdir()] == ["postgres"]
    assert not (layout.run / "postgres-password").exists()


def test_a_cluster_is_started_by_the_version_that_made_it(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infrastructure, "POSTGRES", tmp_path / "versions")
    for version in ("15", "17"):
        server = tmp_path / "versions" / version / "bin" / "postgres"
        server.parent.mkdir(parents=True)
        server.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1 (Debian)'\n")
        server.chmod(0o755)
    data = layout.volume("postgres")
    data.mkdir(parents=True)
    for version in ("15", "17"):
        (data / "PG_VERSION").write_text(f"{version}\n")
        assert str(tmp_path / "versions" / version / "bin" / "postgres") in postgres(layout)

    (data / "PG_VERSION").write_text("16\n")
    monkeypatch.setenv("PATH", str(server.parent), prepend=":")
    with pytest.raises(StackError, match=r"made by PostgreSQL 16, .*postgresql-16.*--purge"):
        postgres(layout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users to become")
def test_sockets_are_not_kept_in_what_another_user_made(tmp_path: Path) -> None:
    layout = Layout(root=ROOT, run=tmp_path / ("deep" * 20))
    layout.prepare()
    sockets = layout.sockets
    try:
        assert sockets.parent == Path("/tmp")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        layout.prepare()
        os.chown(sockets, 65534, 65534)
        with pytest.raises(StackError, match=rf"{sockets}, .*is no folder of yours"):
            layout.prepare()
        sockets.rmdir()
        sockets.symlink_to(tmp_path)
        with pytest.raises(StackError, match="is no folder of yours"):
            layout.prepare()
        sockets.unlink()
        layout.prepare()
    finally:
        sockets.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users to become")
def test_an_account_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"no account 'nobody-of-that-name' here.*installs both"):
        own(tmp_path / "data", "nobody-of-that-name")
