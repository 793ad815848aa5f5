"""Journeys through the catalogue: lists, filters, pages."""

from strangler.toolkit.parity import Journey
from tests.parity.world import World


def browse(journey: Journey) -> None:
    world = World(journey)
    for number in range(3):
        world.product(number)
    mine = {"search": world.name}
    for query in (
        {},
        {"ordering": "price"},
        {"ordering": "-price"},
        {"ordering": "name"},
        {"ordering": "-name", "page_size": "2"},
        {"page_size": "2", "page": "2"},
        {"min_price": "1"},
        {"max_price": "19.99"},
        {"min_price": "0.33", "max_price": "0.33"},
        {"category": "kitchen"},
        {"category": "no-such"},
        {"min_price": ""},
    ):
        journey.call("GET", "/api/products", query={**mine, **query}, expect=200)
    for query in (
        {"min_price": "cheap"},
        {"max_price": "-1"},
        {"min_price": "NaN"},
        {"min_price": "1e400"},
        {"ordering": "stock"},
        {"search": "x" * 101},
    ):
        journey.call("GET", "/api/products", query={**mine, **query}, expect=400)
    for page in ("0", "-1", "2", "x", "99999999999999999999"):
        journey.call("GET", "/api/products", query={**mine, "page": page}, expect=404)
    journey.call("GET", "/api/products", query={**mine, "page": "last"}, expect=200)
    for size in ("0", "-5", "101", "x"):
        journey.call("GET", "/api/products", query={**mine, "page_size": size}, expect=200)
    journey.call("GET", "/api/categories", expect=200)
    journey.call("GET", "/api/categories", query={"page": "9"}, expect=404)
    journey.call("HEAD", "/api/products", query=mine, expect=200)
    journey.call("OPTIONS", "/api/products")


def search_for_mischief(journey: Journey) -> None:
    world = World(journey)
    world.product(0)
    for text in ("' OR 1=1 --", "%", "_", "\\", "\x00", "ü", "🛒", "'; DROP TABLE catalog_product; --"):
        journey.call("GET", "/api/products", query={"search": f"{world.name}{text}"})


def seeded(journey: Journey) -> None:
    """The catalogue is the same everywhere. What is left in stock depends on what was sold."""
    for query in ({"search": "steel"}, {"ordering": "-price", "min_price": "150"}, {"category": "kitchen"}):
        first = journey.call("GET", "/api/products", query={**query, "search": "Nordic Steel"}, expect=200)
        if journey.body(first)["results"]:
            product = first["results"][0]["id"]
            journey.call("GET", f"/api/products/{product}", expect=200)
            journey.call("GET", f"/api/stock/{product}", expect=200)


def no_such_thing(journey: Journey) -> None:
    """Paths with `//`, `/./` or `/../` are left out: the gateway tidies them before it routes."""
    for path in (
        "/api/products/0",
        "/api/products/999999999",
        "/api/products/9223372036854775808",
        "/api/products/99999999999999999999999",
        "/api/products/abc",
        "/api/products/-1",
        "/api/products/1.5",
        "/api/stock/999999999",
        "/api/stock/x",
        "/api/nothing",
        "/api/products/",
        "/nothing",
    ):
        journey.call("GET", path, expect=404)
    journey.call("DELETE", "/api/categories", expect=405)
    journey.call("PUT", "/api/stock/1", json={}, expect=405)
    journey.call("GET", "/api/products", headers={"Accept": "text/html"})
    journey.call("GET", "/api/products/1", headers={"Accept": "application/xml"})


JOURNEYS = {
    "browse": browse,
    "search for mischief": search_for_mischief,
    "seeded": seeded,
    "no such thing": no_such_thing,
}
