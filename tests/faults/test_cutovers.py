"""The measurement of cutovers finds what it is there for: a write that was acknowledged and lost."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from werkzeug.wrappers import Request, Response

from tests.faults import cutovers
from tests.parity.tiny import served
from tests.ports import wait_for

FIGURES = {"cutover": {"pause_ms": 1.0, "parts_ms": {}}}


class Shop:
    """Takes every price, and forgets every `forgets`-th; none if 0."""

    def __init__(self, forgets: int) -> None:
        self.prices: dict[str, str] = {}
        self.changes = 0
        self._forgets = forgets

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        if request.method == "PATCH":
            self.changes += 1
            if not self._forgets or self.changes % self._forgets:
                self.prices[request.path] = json.loads(request.data)["price"]
        body = {"access": "token", "price": self.prices.get(request.path, "0.00")}
        return Response(json.dumps(body), content_type="application/json")(environ, start_response)


@pytest.mark.parametrize(("forgets", "lost"), [(0, False), (5, True)])
def test_a_price_that_was_lost_before_it_was_overwritten_is_found(forgets: int, lost: bool) -> None:
    shop = Shop(forgets)
    with served(shop) as url:
        load = cutovers.Load(url, writers=2, readers=0, products=4)
        load.start()
        try:
            wait_for(lambda: shop.changes > 20)
        finally:
            load.stop()

    assert load.failures == []
    assert bool(load.lost) == lost


@pytest.mark.parametrize(("problems", "status"), [([], 0), (["products (7) differs"], 1)])
def test_sides_that_differ_are_a_failure(
    problems: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        cutovers,
        "strangler",
        lambda verb, *_, check=True: {"problems": problems} if verb == "verify" else FIGURES,
    )
    monkeypatch.setattr(cutovers, "missing", lambda load, url: [])
    with served(Shop(0)) as url:
        stack = SimpleNamespace(
            state=SimpleNamespace(port_base=0),
            url=url,
            environment=lambda name: {"POSTGRES_URL": "server/db"},
        )
        monkeypatch.setattr(cutovers, "Stack", lambda *_: stack)
        with pytest.raises(typer.Exit) as ended:
            cutovers.main(times=1, writers=1, readers=0)

    assert ended.value.exit_code == status
