"""What the documents tell a reader to type exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from strangler.toolkit.cli import app
from strangler.toolkit.plan import load
from tests.architecture.sources import ROOT, is_stage_tag, text, tracked

ON_MAIN = pytest.mark.skipif(is_stage_tag(), reason="a stage's tag has main's documents")

DOCUMENTS = [path for path in tracked() if path.suffix == ".md" and "decisions" not in path.parts]
SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(\./run [^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#|mailto:)([^)#\s]+)")


def commands(path: Path) -> list[str]:
    """The `./run …` commands in a document's shell blocks and inline code, without comments and pipes."""
    lines = [line for block in SHELL.findall(text(path)) for line in block.splitlines()]
    lines += INLINE.findall(text(path))
    found = []
    for line in lines:
        command = re.split(r"\s#\s|\s\|\s|&&|;|>", line.removeprefix("$ "))[0].strip()
        command = re.sub(r"^(\w+=\S+\s+)+", "", command)
        if command.startswith("./run") and "…" not in command:
            found.append(command)
    return found


ALL = sorted({(str(path), command) for path in DOCUMENTS for command in commands(path)})


def verbs() -> set[str]:
    """What `run` understands."""
    found = re.findall(r"^    ([a-z| -]+)\) (?!say)", text(Path("run")), re.MULTILINE)
    return {verb.strip() for line in found for verb in line.split("|")}


@pytest.mark.parametrize(("document", "command"), ALL)
def test_command_exists(document: str, command: str) -> None:
    words = shlex.split(command)[1:]
    if not words:
        return
    assert words[0] in verbs(), f"{document}: {command}"
    if words[0] == "strangler":
        resolve(words[1:], command)
    elif words[0] in {"up", "down", "status", "logs"}:
        resolve(["stack", *words], command)
    elif words[0] == "tags":
        resolve(words, command)


def resolve(words: list[str], command: str) -> None:
    """Follow the words through the command's groups; every option must be one it has."""
    current: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(current, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        following = current.commands.get(name)
        assert following is not None, f"{command}: there is no `{name}`; known: {', '.join(current.commands)}"
        current = following
    options = {option for parameter in current.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in rest if word.startswith("-") and word.split("=")[0] not in options]
    assert not unknown, f"{command}: unknown options {unknown}; known: {sorted(options)}"


def test_documents_name_commands() -> None:
    """Guards the tests above: were nothing found, they would pass."""
    assert ("README.md", "./run demo") in ALL
    assert {"demo", "test", "up", "down", "lint", "bench", "tags"} <= verbs()


def test_the_first_move_that_is_shown_goes_through_on_a_fresh_stack() -> None:
    """Nobody shops there: shadow and canary see too little, and the step would go back."""
    moves = {
        path: [c for c in commands(path) if " migrate --to" in c and "--plan" not in c] for path in DOCUMENTS
    }
    first = {path: found[0] for path, found in moves.items() if found}
    assert Path("README.md") in first
    assert [c for c in first.values() if "--accept-inconclusive" not in c] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
@ON_MAIN
def test_links_lead_somewhere(path: Path) -> None:
    broken = [link for link in LINK.findall(text(path)) if not (ROOT / path.parent / link).exists()]
    assert not broken, f"{path} links to {', '.join(broken)}"


@ON_MAIN
def test_every_stage_is_in_the_readme_with_its_state() -> None:
    readme = text(Path("README.md"))
    for stage in load(ROOT / "migrations-plan/plan.yaml").stages:
        (row,) = [line for line in readme.splitlines() if f"`{stage.tag}`" in line and line.startswith("|")]
        assert ("built" if stage.built else "planned") in row, row
