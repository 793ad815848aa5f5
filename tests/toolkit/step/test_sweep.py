"""Which rows are compared by the contract."""

from pathlib import Path

import pytest

from strangler.toolkit.consul import KeyValues
from strangler.toolkit.plan import Plan
from strangler.toolkit.plan.model import Domain, Host
from strangler.toolkit.replication.database import Database
from strangler.toolkit.replication.pair import Pair
from strangler.toolkit.step import sweep
from strangler.toolkit.step.places import Places
from strangler.toolkit.step.state import State
from strangler.toolkit.step.step import Step

FILES = {
    "desk/settings.py": "INSTALLED_APPS = ['tickets']; ROOT_URLCONF = 'desk.urls'",
    "desk/urls.py": "urlpatterns = []",
    "tickets/models.py": """
from django.db import models

class Ticket(models.Model):
    class Meta:
        db_table = "HD_Ticket"

class Answer(models.Model):
    pass

class Draft(models.Model):
    class Meta:
        db_table = "drafts"
""",
}


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """Of a project whose models choose their tables' names."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    tables = ("HD_Ticket", "tickets_answer")
    plan = Plan(
        name="desk",
        origin="desk",
        hosts={"desk": Host(settings="desk.settings")},
        domains={"tickets": Domain(app="tickets", contract="contract", tables=[*tables])},
        stages=[],
    )
    pair = Pair("tickets", tables, Database("desk", ""), Database("tickets", ""))
    state = State(domain="tickets", stage=1, source="desk", target="tickets")
    return Step(plan, tmp_path, Places("", ""), KeyValues(""), state, pair)


@pytest.mark.parametrize(("model", "table"), [("Ticket", "HD_Ticket"), ("Answer", "tickets_answer")])
def test_rows_are_those_of_the_models_own_table(step: Step, model: str, table: str) -> None:
    assert sweep.table_of(step, model) == table


def test_table_that_does_not_move_is_said_so(step: Step) -> None:
    with pytest.raises(LookupError, match="drafts is not in the plan"):
        sweep.table_of(step, "Draft")
