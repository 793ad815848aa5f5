"""What the hosts of a plan differ in, and what cannot be run at a new one, is named."""

from pathlib import Path

from strangler.toolkit.plan.check import check


def with_host(project: Path, settings: str) -> Path:
    """The plan of the project with a host for its books."""
    plan = project / "plan.yaml"
    plan.write_text(plan.read_text().replace("domains:\n", "  books:\n    settings: shelf\ndomains:\n", 1))
    (project / "shelf.py").write_text(
        f"from library.settings import *\nINSTALLED_APPS = ['books']\n{settings}"
    )
    (project / "library/urls.py").write_text(
        "from django.conf import settings\nfrom django.urls import include, path\n"
        "urlpatterns = [path('api/', include(f'{app}.urls')) for app in settings.INSTALLED_APPS]\n"
    )
    return plan


def test_settings_that_differ_between_hosts_are_named(project: Path) -> None:
    plan = with_host(project, "ATOMIC = False\n")
    assert [*check(plan).problems, *check(plan).notes] == []
    with (project / "library/settings.py").open("a") as settings:
        settings.write(
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'ATOMIC_REQUESTS': True}}\n"
            "MIDDLEWARE = ['django.middleware.common.CommonMiddleware', 'library.actor.Actor']\n"
        )
    with (project / "shelf.py").open("a") as settings:
        settings.write("DATABASES, TIME_ZONE, MIDDLEWARE = {}, 'UTC', []\n")
    verdict = check(plan)
    (problem,) = verdict.problems
    assert problem.line == 8
    assert problem.what.startswith("ATOMIC_REQUESTS is False at host `books` and True at `library`")
    assert "atomic_requests=True" in problem.remedy
    assert verdict.notes == [
        "TIME_ZONE is 'UTC' at host `books` and 'America/Chicago' at `library`: "
        "the domain's code may answer differently there.",
        "Host `books` has no library.actor.Actor, which `library` has.",
    ]


MIGRATION = """
from django.conf import settings
from django.db import migrations, models
from strangler.chassis.references import hosted_dependencies, reference

class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [
        migrations.CreateModel("Author", [("id", models.BigAutoField(primary_key=True))]),
        migrations.CreateModel("Book", [("id", models.BigAutoField(primary_key=True)), ("loan", {field})]),
        migrations.AddField("Book", "authors", models.ManyToManyField("books.Author")),
        migrations.RenameField("Author", "id", "number"),
        migrations.RenameField("Author", "number", "id"),
    ]
"""


def test_migration_that_the_new_host_cannot_run_is_named(project: Path) -> None:
    plan = with_host(project, "")
    migration = project / "books/migrations/0001_initial.py"
    for name, text in {
        "books/migrations/__init__.py": "",
        "lending/migrations/__init__.py": "",
        "lending/migrations/0001_initial.py": "from django.db import migrations, models\n"
        "class Migration(migrations.Migration):\n"
        "    operations = [migrations.CreateModel('Loan', [('id', models.BigAutoField(primary_key=1))])]\n",
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    with (project / "library/settings.py").open("a") as settings:
        settings.write("INSTALLED_APPS += ['django.contrib.contenttypes', 'django.contrib.auth']\n")
    urls = project / "library/urls.py"
    urls.write_text(urls.read_text().replace("INSTALLED_APPS]", "INSTALLED_APPS if '.' not in app]"))
    user = "migrations.swappable_dependency(settings.AUTH_USER_MODEL)"
    loan = "models.ForeignKey('lending.loan', models.CASCADE)"
    migration.write_text(MIGRATION.format(dependencies=f"[{user}, ('lending', '0001_initial')]", field=loan))
    found = check(plan).problems
    where = "`books.0001_initial` cannot be run at host `books`"
    assert [(problem.line, problem.what) for problem in found] == [
        (8, f"{where}: it depends on auth.__first__, and auth is not there."),
        (8, f"{where}: it depends on lending.0001_initial, and lending is not there."),
        (8, f"{where}: Book.loan is a key into lending.loan, and lending is not there."),
    ]
    assert "hosted_dependencies()" in found[0].remedy
    loan = "reference('lending.Loan')"
    hosted = "hosted_dependencies(('lending', '0001_initial'))"
    migration.write_text(MIGRATION.format(dependencies=hosted, field=loan))
    assert [p.text for p in check(plan).problems] == []
    migration.write_text(MIGRATION.format(dependencies="[('books', '0000_lost')]", field=loan))
    said = [problem.what for problem in check(plan).problems]
    assert any("of host `books` do not go together" in what and "0000_lost" in what for what in said), said


def test_app_whose_label_has_capitals_is_there(project: Path) -> None:
    plan = with_host(project, "INSTALLED_APPS += ['people.apps.People']\n")
    for name, text in {
        "people/__init__.py": "",
        "people/apps.py": "from django.apps import AppConfig\n"
        "class People(AppConfig):\n    name, label = 'people', 'People'\n",
        "people/migrations/__init__.py": "",
        "people/migrations/0001_initial.py": "from django.db import migrations, models\n"
        "class Migration(migrations.Migration):\n"
        "    operations = [migrations.CreateModel('Reader', [('id', models.BigAutoField(primary_key=1))])]\n",
        "books/migrations/__init__.py": "",
        "books/migrations/0001_initial.py": MIGRATION.format(
            dependencies="[('People', '0001_initial')]",
            field="models.ForeignKey('People.reader', models.CASCADE)",
        ),
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    with (project / "library/settings.py").open("a") as settings:
        settings.write("INSTALLED_APPS += ['people.apps.People']\n")
    urls = project / "library/urls.py"
    urls.write_text(urls.read_text().replace("INSTALLED_APPS]", "INSTALLED_APPS if '.' not in app]"))
    assert [p.text for p in check(plan).problems] == []


def test_generic_key_is_named(project: Path) -> None:
    settings, plan = project / "library/settings.py", project / "plan.yaml"
    settings.write_text(settings.read_text() + "INSTALLED_APPS += ['django.contrib.contenttypes']\n")
    with (project / "lending/models.py").open("a") as models:
        models.write(
            "    kind = models.ForeignKey('contenttypes.ContentType', models.CASCADE)\n"
            "    what = GenericForeignKey('kind', 'book_id')\n"
        )
    source = (project / "lending/models.py").read_text()
    (project / "lending/models.py").write_text(
        "from django.contrib.contenttypes.fields import GenericForeignKey\n" + source
    )
    verdict = check(plan)
    assert [p.text for p in verdict.problems] == []
    (note,) = verdict.notes
    assert note.startswith("Loan.what of `lending` is a GenericForeignKey")
    plan.write_text(plan.read_text().replace("    moves: [books]\n", ""))
    assert check(plan).notes == []
