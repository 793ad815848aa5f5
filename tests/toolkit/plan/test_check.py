"""Each mistake in a plan is named with its line and a remedy; a right plan has none."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from strangler.toolkit.plan import inspection
from strangler.toolkit.plan.check import check
from strangler.toolkit.plan.cli import app
from strangler.toolkit.plan.model import Commands, Domain, Gateway, Host, Plan, Stage

MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text())


@pytest.mark.parametrize("case", MISTAKES, ids=[case["mistake"] for case in MISTAKES])
def test_mistake_is_named_with_its_line(project: Path, case: dict[str, Any]) -> None:
    file = project / "plan.yaml"
    text = file.read_text()
    assert case["replace"] in text
    file.write_text(text.replace(case["replace"], case["by"], 1))
    found = [(p.line, f"{p.what} {p.remedy}") for p in check(file).problems]
    assert any(line == case["line"] and case["says"] in said for line, said in found), found


def test_right_plan_has_no_mistakes(project: Path) -> None:
    verdict = check(project / "plan.yaml")
    assert [p.text for p in verdict.problems] == []
    assert verdict.notes == []


def test_all_mistakes_are_named_at_once_in_order(project: Path) -> None:
    file = project / "plan.yaml"
    file.write_text(
        file.read_text()
        .replace("origin: library", "origin: libary")
        .replace("moves: [books]", "moves: [boks]\n    colour: red")
        .replace("contract: promises.lending", "contract: 12")
    )
    problems = check(file).problems
    assert [p.line for p in problems] == sorted(p.line for p in problems)
    assert [p.what for p in problems] == [
        "`libary` is no host.",
        "`contract` is a number.",
        "Stage 2 moves `boks`, which is no domain.",
        "`colour` is not a key of `stages.2`.",
    ]


def test_view_need_not_be_listed_and_may_be(project: Path) -> None:
    view = "class Overdue(models.Model):\n    class Meta:\n        managed, db_table = False, 'overdue'\n"
    models = project / "lending/models.py"
    models.write_text(f"{models.read_text()}\n{view}")
    file = project / "plan.yaml"
    assert [p.text for p in check(file).problems] == []
    file.write_text(file.read_text().replace("[lending_loan]", "[lending_loan, overdue]"))
    assert [p.text for p in check(file).problems] == []


def test_settings_that_wait_for_ever_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "TIMEOUT", 0.5)
    (project / "library/settings.py").write_text("import threading\nthreading.Event().wait()\n")
    (problem,) = check(project / "plan.yaml").problems
    assert "were not compared: Django had not started after 0.5 s" in problem.what


def test_foreign_key_across_domains_is_named(project: Path) -> None:
    models = project / "lending/models.py"
    key = "book = models.ForeignKey('books.Book', models.CASCADE)"
    models.write_text(models.read_text().replace("book_id = models.BigIntegerField()", key))
    (problem,) = check(project / "plan.yaml").problems
    assert problem.what == "Loan.book is a foreign key into `books` (books_book), which may move away."
    assert problem.line == 9


@pytest.mark.parametrize(
    ("field", "table", "remedy"),
    [
        ("models.ForeignKey('auth.User', models.CASCADE)", "auth_user", "Make its app a domain"),
        ("models.ManyToManyField('auth.User')", "auth_user", "Make its app a domain"),
        ("models.ForeignKey('contenttypes.ContentType', models.CASCADE)", "django_content_type", "keep the"),
    ],
)
def test_foreign_key_into_what_no_domain_owns_is_named(
    project: Path, field: str, table: str, remedy: str
) -> None:
    """Of a domain that moves: it would point at rows that are not there."""
    settings, plan = project / "library/settings.py", project / "plan.yaml"
    django = "'django.contrib.contenttypes', 'django.contrib.auth'"
    settings.write_text(settings.read_text() + f"INSTALLED_APPS += [{django}]\n")
    models = project / "books/models.py"
    models.write_text(
        f"{models.read_text()}    owner = {field}\n    rights = models.ManyToManyField('auth.Group')\n"
    )
    plan.write_text(plan.read_text().replace("books_book_authors,", "books_book_authors, books_book_rights,"))
    if "Many" in field:
        plan.write_text(plan.read_text().replace("books_book,", "books_book, books_book_owner,"))
    (problem,) = check(plan).problems
    assert problem.line == 16
    assert problem.what == (
        f"Book.owner is a foreign key into {table}, which belongs to no domain and stays where it is when "
        "`books` moves."
    )
    assert remedy in problem.remedy
    plan.write_text(plan.read_text().replace("moves: [books]", "moves: [lending]"))
    assert check(plan).problems == []


def test_url_of_no_domain_is_named(project: Path) -> None:
    (project / "library/urls.py").write_text(
        (project / "library/urls.py").read_text()
        + "from library.views import Odd\nurlpatterns += [path('odd', Odd.as_view())]\n"
    )
    (project / "library/views.py").write_text("from django.views import View\nclass Odd(View): ...\n")
    (problem,) = check(project / "plan.yaml").problems
    assert problem.what == "`library` answers /odd, which belongs to no domain."


def test_domain_that_is_not_named_as_its_app_is_named(project: Path) -> None:
    plan = project / "plan.yaml"
    plan.write_text(plan.read_text().replace("  lending:", "  loans:"))
    (problem,) = check(plan).problems
    assert problem.line == 8
    assert problem.what == "`loans` is the app `lending`, whose label is `lending`."
    assert problem.remedy.startswith("Name the domain `lending`")


def test_names_may_be_python_names(project: Path) -> None:
    """An app's label is one, and a domain is named as its app."""
    for path in [*project.rglob("*.py"), project / "plan.yaml"]:
        text = (
            path.read_text().replace("origin: library", "origin: my_library").replace("lending", "book_loans")
        )
        path.write_text(text.replace("  library:\n", "  my_library:\n"))
    (project / "lending").rename(project / "book_loans")
    (project / "promises/lending.py").rename(project / "promises/book_loans.py")
    assert [p.text for p in check(project / "plan.yaml").problems] == []


VIEW_SET = """
from rest_framework.viewsets import ViewSet

class Books(ViewSet):
    http_method_names = ["get", "post", "patch"]
    def list(self, request): ...
    def retrieve(self, request, book): ...
    def partial_update(self, request, book): ...
    def destroy(self, request, book): ...
"""
ROUTER = """
from rest_framework.routers import {router}
from books import views
router = {router}(trailing_slash=False)
router.register("books", views.Books, basename="book")
urlpatterns = router.urls
"""


@pytest.mark.parametrize("router", ["SimpleRouter", "DefaultRouter"])
@pytest.mark.parametrize("group", ["[^/.]+", r"\d+", "[0-9a-f]{8}-[0-9a-f]{4}", "new|old"])
def test_view_sets_and_their_routers_are_compared(project: Path, router: str, group: str) -> None:
    views = VIEW_SET + f"    lookup_field, lookup_value_regex = 'book', r'{group}'\n"
    (project / "books/views.py").write_text(views)
    (project / "books/urls.py").write_text(ROUTER.format(router=router))
    settings = project / "library/settings.py"
    settings.write_text(settings.read_text() + "REST_FRAMEWORK = {'UNAUTHENTICATED_USER': None}\n")
    plan = project / "plan.yaml"
    root = "settings\n    routes: { /api/: { GET: public } }" if router == "DefaultRouter" else "settings"
    plan.write_text(plan.read_text().replace("library.settings", f"library.{root}"))
    verdict = check(plan)
    assert [p.text for p in verdict.problems] == []
    assert verdict.notes == []
    plan.write_text(plan.read_text().replace("PATCH: staff", "PATCH: staff, DELETE: staff"))
    (problem,) = check(plan).problems
    assert problem.what == "/api/books/{book} answers GET, PATCH; the plan says GET, PATCH, DELETE."


@pytest.mark.parametrize(
    "url", ["re_path(r'^(?P<path>.*)/text$', {})", "path('<path:of>', {})", "re_path(r'(\\d+)$', {})"]
)
def test_what_no_template_says_is_named(project: Path, url: str) -> None:
    urls = project / "books/urls.py"
    odd = url.format("views.Books.as_view()")
    urls.write_text(f"{urls.read_text()}from django.urls import include, re_path\n")
    urls.write_text(f"{urls.read_text()}urlpatterns.append(path('papers/', include([{odd}])))\n")
    plan = project / "plan.yaml"
    verdict = check(plan)
    assert verdict.problems == []
    (note,) = verdict.notes
    assert note.startswith("`library` answers /api/papers/")
    assert "of books.views, which was not compared" in note
    listed = "/api/papers/**: { GET: public }\n      /api/books/{book}:"
    plan.write_text(plan.read_text().replace("/api/books/{book}:", listed))
    verdict = check(plan)
    assert [*verdict.problems, *verdict.notes] == []


def test_plan_that_could_not_be_compared_is_not_right(project: Path) -> None:
    """Its settings need a package that this checkout has not."""
    (project / "library/settings.py").write_text("import licence_server")
    file = str(project / "plan.yaml")
    done = CliRunner().invoke(app, ["check", file])
    assert done.exit_code == 1
    assert (
        f"{file}:6: Models and URLs of host `library` were not compared: ModuleNotFoundError" in done.output
    )
    assert "uv pip install" in done.output
    assert "is right" not in done.output
    assert CliRunner().invoke(app, ["check", "--no-django", file]).exit_code == 0


def test_settings_may_print(project: Path) -> None:
    settings = project / "library/settings.py"
    settings.write_text(settings.read_text() + "print('no database yet')\n")
    assert check(project / "plan.yaml").problems == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"- 1\n- 2\n", b"a: &x [*x]\n", b"? [a]\n: 1\n"])
def test_what_is_no_plan_at_all_is_refused_calmly(project: Path, content: bytes) -> None:
    file = project / "plan.yaml"
    file.write_bytes(content)
    assert check(file).problems


def test_missing_file_is_named(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "none.yaml").problems
    assert "cannot be read: No such file or directory" in problem.what


def test_command_reports_for_people_and_programs(project: Path) -> None:
    file = project / "plan.yaml"
    right = CliRunner().invoke(app, ["check", str(file)])
    assert right.exit_code == 0
    assert "2 domains, 4 tables, 4 routes, 2 of 3 stages built" in right.output
    file.write_text(file.read_text().replace("moves: [books]", "moves: [boks]"))
    wrong = CliRunner().invoke(app, ["check", "--json", "--no-django", str(file)])
    assert wrong.exit_code == 1
    assert json.loads(wrong.output) == {
        "problems": [
            {
                "file": str(file),
                "line": 39,
                "what": "Stage 2 moves `boks`, which is no domain.",
                "remedy": "Did you mean `books`?",
            }
        ],
        "notes": [],
    }


def test_show_draws_every_stage(project: Path) -> None:
    shown = CliRunner().invoke(app, ["show", str(project / "plan.yaml")])
    assert shown.exit_code == 0
    for expected in ("stage-0-start  built", "stage-2-books  planned", "books → a host of its own"):
        assert expected in shown.output


def test_schema_names_every_key() -> None:
    shown = CliRunner().invoke(app, ["schema"])
    assert shown.exit_code == 0
    keys = {line.split(":")[0].strip() for line in shown.output.splitlines() if line.startswith("  ")}
    kinds = (Plan, Host, Domain, Gateway, Commands, Stage)
    assert keys >= {key for kind in kinds for key in kind.__struct_fields__}
    for said in (
        "  origin: lower-case letters, digits, - and _, a letter first, 40 at most\n",
        "  root: text (default: ..)",
        "  routes: a mapping: like /api/things, /api/things/{id} or /admin/** (and everything below) →",
    ):
        assert said in shown.output
    schema = json.loads(CliRunner().invoke(app, ["schema", "--json"]).output)
    descriptions = [part.get("description", "") for part in schema["$defs"].values()]
    assert not [description for description in descriptions if "\n  " in description]
    assert schema["$defs"]["Plan"]["properties"].keys() == {*Plan.__struct_fields__}
