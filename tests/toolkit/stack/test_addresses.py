"""What `./run up` prints at its end."""

from pathlib import Path

import pytest

from strangler.toolkit.stack import Stack, cli
from tests.ports import free_base
from tests.python_path import ROOT


@pytest.mark.parametrize(("said", "there"), [({}, True), ({"SEED": ""}, True), ({"SEED": "none"}, False)])
def test_logins_are_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: dict[str, str], there: bool
) -> None:
    cli._print_addresses(Stack(ROOT, tmp_path, free_base(), said), 0)
    printed = capsys.readouterr().out
    assert "/api/products" in printed
    assert ("staff@shop.example" in printed) == there
