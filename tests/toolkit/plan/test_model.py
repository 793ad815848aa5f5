import re
from pathlib import Path

import pytest

from strangler.toolkit.plan import PlanInvalid, load
from strangler.toolkit.plan.model import path_regex
from strangler.toolkit.plan.rules import overlap


@pytest.mark.parametrize(
    ("template", "matching", "other"),
    [
        ("/api/books", ["/api/books"], ["/api/books/", "/api/books/1", "/api/bookshop"]),
        ("/api/books/{book}", ["/api/books/1"], ["/api/books", "/api/books/", "/api/books/1/x"]),
        ("/api/books/{book}/lend", ["/api/books/1/lend"], ["/api/books/1"]),
        ("/admin/**", ["/admin", "/admin/", "/admin/a/b"], ["/administration", "/a"]),
        ("/.well-known/keys.json", ["/.well-known/keys.json"], ["/xwell-known/keys.json"]),
    ],
)
def test_regex_matches_the_whole_path(template: str, matching: list[str], other: list[str]) -> None:
    assert all(re.fullmatch(path_regex(template), path) for path in matching)
    assert not any(re.fullmatch(path_regex(template), path) for path in other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a/{x}", "/a/b", True),
        ("/a/{x}", "/a/b/c", False),
        ("/a/{x}/c", "/a/b/{y}", True),
        ("/a/**", "/a/b/c", True),
        ("/a/**", "/b/a", False),
        ("/a/**", "/a", True),
        ("/a/{x}", "/a/", False),
    ],
)
def test_overlap_is_symmetric(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


def test_routes_follow_the_domain_to_its_host(project: Path) -> None:
    plan = load(project / "plan.yaml")
    assert {route.host for route in plan.routes(stage=1)} == {"library"}
    assert {(route.domain, route.host) for route in plan.routes(stage=2)} == {
        ("lending", "library"),
        ("books", "books"),
    }


def test_load_refuses_a_malformed_plan_with_every_mistake(project: Path) -> None:
    file = project / "plan.yaml"
    file.write_text(file.read_text().replace("since: 1", "since: x").replace("built: true", "built: 1", 1))
    with pytest.raises(PlanInvalid) as raised:
        load(file)
    assert str(raised.value).splitlines() == [
        f"{file}:23: `since` is text. It must be a whole number.",
        f"{file}:29: `built` is a number. It must be true or false.",
    ]
