"""Rules that no linter knows. Import rules are import-linter's, in pyproject.toml."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from strangler.toolkit.plan import load
from tests.architecture.sources import ROOT, python, text, tracked, tree, words_of_code

PLAN = load(ROOT / "migrations-plan/plan.yaml")
MOST_LINES = 400
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Written in pieces, because this file is searched too.
MACHINE_PATHS = re.compile("|".join(["/" + "work/", "/" + "root/", "/" + r"home/\w", "/tmp/" + "team"]))
INDEXES = re.compile(r"--(extra-)?index-url|--find-links|registry=|proxy=", re.IGNORECASE)
URL = re.compile(r"https?://([\w.-]+)")
# Hosts of the shop's own network, of documents and examples; nothing is fetched from others by name.
KNOWN_HOSTS = re.compile(
    r"127\.0\.0\.1|localhost|testserver|otlp|consul|traefik|((catalog|notifications)-)?(web|rpc|relay)|web-direct|"
    r"psp|smtp|pages|traces|x|"
    r".*\.example|(.*\.)?(github|python|djangoproject|w3|ietf|rfc-editor|traefik|docker|postgresql)\.(com|org|io|dev|net)"
)


@pytest.mark.parametrize("path", python(), ids=str)
def test_files_are_short(path: Path) -> None:
    lines = text(path).count("\n")
    assert lines <= MOST_LINES, f"{path} has {lines} lines: split it by concept."


def test_names_say_something() -> None:
    vague = [path for path in python() if VAGUE & {*path.with_suffix("").parts}]
    assert not vague, f"Named after nothing in particular: {vague}"


@pytest.mark.parametrize("path", python("tests"), ids=str)
def test_no_test_sleeps(path: Path) -> None:
    """A test waits for a condition, with a deadline (`threading.Event.wait`, polling with one)."""
    if not path.name.startswith(("test_", "conftest")):
        return  # traffic and simulators of slow partners may take their time
    calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    sleeping = [call.lineno for call in calls if ast.unparse(call).split(".")[-1] == "sleep"]
    assert not sleeping, f"{path} sleeps in lines {sleeping}."


@pytest.mark.parametrize("path", python("strangler", "extracted/contracts"), ids=str)
def test_public_things_have_docstrings(path: Path) -> None:
    module = tree(path)
    missing = [
        f"{node.name} (line {node.lineno})"
        for node in module.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
        if not any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)
        if node.name not in {"main", "Migration"}
    ]
    assert not missing, f"{path}: no docstring on {', '.join(missing)}"
    if path.name not in {"__init__.py", "__main__.py"}:
        assert ast.get_docstring(module), f"{path} does not say what it is for."


@pytest.mark.parametrize("path", python("strangler"), ids=str)
def test_strangler_does_not_know_the_shop(path: Path) -> None:
    """In code. Examples in docstrings may speak of a shop."""
    shop = {*PLAN.domains, PLAN.name, "checkout", "cart"}
    known = [
        f"line {line}: {word!r}"
        for line, word in words_of_code(path)
        # Consul and PostgreSQL have a catalog too.
        if shop & {*re.split(r"[^a-z]+", word.lower().replace("pg_catalog", ""))}
        and "consul" not in text(path).splitlines()[line - 1].lower()
    ]
    assert not known, f"{path} knows the shop:\n" + "\n".join(known)


def test_no_tracked_file_names_this_machine_or_a_registry() -> None:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".ico"}:
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            if MACHINE_PATHS.search(line):
                found.append(f"{path}:{number}: a path of one machine: {line.strip()}")
            if path.parts[0] == "requirements" and path.suffix == ".txt" and INDEXES.search(line):
                found.append(f"{path}:{number}: an index: {line.strip()}")
            found += [
                f"{path}:{number}: a foreign host: {host}"
                for host in URL.findall(line)
                if path.suffix not in {".md", ".html"} and not KNOWN_HOSTS.fullmatch(host)
            ]
    assert not found, "\n".join(found)


def test_every_compose_service_is_documented() -> None:
    services = yaml.safe_load(text(Path("docker-compose.yml")))["services"]
    documented = text(Path("README.md"))
    missing = [name for name in services if f"`{name}`" not in documented]
    assert not missing, f"README.md does not say what these services are: {', '.join(missing)}"


def test_no_containers_log_grows_for_ever() -> None:
    services = yaml.safe_load(text(Path("docker-compose.yml")))["services"]
    endless = [
        name
        for name, service in services.items()
        if not {"max-size", "max-file"} <= service.get("logging", {}).get("options", {}).keys()
    ]
    assert not endless, f"docker-compose.yml sets no limit to the logs of {', '.join(endless)}: *logging"


def test_compose_file_has_no_keys_that_docker_refuses() -> None:
    """Compose takes names only, in its extension fields too; YAML makes numbers of bare ports."""

    def wrong(node: object, path: str) -> list[str]:
        if isinstance(node, list):
            return [each for item in node for each in wrong(item, path)]
        if not isinstance(node, dict):
            return []
        keys = [f"{path}.{key}" for key in node if not isinstance(key, str)]
        return keys + [each for key, value in node.items() for each in wrong(value, f"{path}.{key}")]

    assert not wrong(yaml.safe_load(text(Path("docker-compose.yml"))), "docker-compose.yml")


def test_every_ignored_exception_says_why() -> None:
    silent = [
        f"{path}:{node.lineno}"
        for path in python("strangler", "extracted", "monolith")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and node.type is not None
        if ast.unparse(node.type) in {"Exception", "BaseException"}
        if len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
    ]
    assert not silent, f"Swallowed: {silent}"
