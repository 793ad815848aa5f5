import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PLAN = """\
name: library
root: ..
origin: library
hosts:
  library: { settings: library.settings }
domains:
  books: { app: books, contract: promises.books }
stages:
  - number: 0
    name: start
    summary: All in one.
    built: true
  - number: 1
    name: edge
    summary: A gateway in front.
    built: true
    introduces: [gateway, "migration/1-edge"]
    supersedes: [direct.txt]
    services: [proxy, registry]
  - number: 2
    name: books
    summary: Books move.
    moves: [books]
"""

COMPOSE = """\
x-every: &every
  profiles: [stage-0, stage-1]

# Only the gateway needs this.
x-edge: &edge
  REGISTRY: registry:8500

services:
  web:
    <<: *every
    image: library

  # The gateway.
  proxy:
    image: proxy
    profiles: &late [stage-1]
    environment: *edge

  registry:
    image: registry
    profiles: *late
    volumes: [registry:/data]

volumes: { registry: {} }
"""

FILES = {
    "migration/plan.yaml": PLAN,
    "migration/1-edge/README.md": "edge\n",
    "gateway/routes.yml": "routes\n",
    "gateway.txt": "stays, though its name begins like the gateway's folder\n",
    "direct.txt": "superseded by the gateway\n",
    "docker-compose.yml": COMPOSE,
    ".env": "# which stage\nSTAGE=0\nPASSWORD=x\n",
}


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """git in a fresh repository that holds a small project; the current folder is its root."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)

    def run(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()

    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    run("init", "--quiet", "--initial-branch=main")
    run("config", "user.name", "A Maintainer")
    run("config", "user.email", "maintainer@library.example")
    run("add", "--all")
    run("commit", "--quiet", "--message=All of it")
    return run
