"""The repository's own files, as the house rules read them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from strangler.toolkit.tags.derivation import MARK

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> list[Path]:
    """Every file that git tracks or would add, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if (ROOT / path).is_file()]


@cache
def is_stage_tag() -> bool:
    """Whether this is a stage's derived commit, whose documents speak of stages that are not in it."""
    shown = subprocess.run(
        ["git", "show", "-s", "--format=%B", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return MARK in shown.stdout


def python(*folders: str) -> list[Path]:
    """The Python files below these folders (below the root without any), migrations left out."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and "migrations" not in path.parts
        if not folders or any(path.is_relative_to(folder) for folder in folders)
    ]


@cache
def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), str(path))


def imported(path: Path) -> set[str]:
    """The modules that the file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def docstrings(module: ast.Module) -> set[int]:
    """The identities of the constants that stand alone: docstrings of modules, functions and attributes."""
    return {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def words_of_code(path: Path) -> Iterator[tuple[int, str]]:
    """Identifiers, imports and strings with their lines; comments and docstrings left out."""
    module = tree(path)
    skip = docstrings(module)
    for node in ast.walk(module):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield line, node.id
        elif isinstance(node, ast.Attribute):
            yield line, node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield line, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.alias):
            yield line, node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            yield line, node.value
