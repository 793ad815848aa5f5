"""Drawn calls: every route of the shop, with arguments that make sense and arguments that don't."""

from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from strangler.toolkit.parity import Journey
from tests.parity.world import World


class Pick(msgspec.Struct, frozen=True):
    """Something of the world's: the n-th product, a customer's address, the n-th order so far."""

    kind: str
    number: int


class Named(msgspec.Struct, frozen=True):
    """A text that carries the world's name, so that only this world has it."""

    text: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A call before its world is known. `raw` is sent in place of `body`."""

    method: str
    path: tuple[Any, ...]
    who: Any = None
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body: Any = msgspec.UNSET
    raw: str | None = None


EVENTUAL = ("/api/notifications", "/overview")
"""What another host may tell a little later at some stage."""


def replay(journey: Journey, sequence: list[Move]) -> None:
    """Make the moves one after another in a fresh world."""
    world = World(journey)
    for move in sequence:
        parts: dict[str, Any] = {}
        if move.raw is not None:
            parts["body"] = move.raw
        elif move.body is not msgspec.UNSET:
            parts["json"] = _in(world, move.body)
        path = "".join(str(_in(world, part)) for part in move.path)
        if path.endswith(EVENTUAL):
            parts |= {"until": lambda body: True, "within": 10.0}
        query, headers = (
            {name: _in(world, value) for name, value in mapping.items()}
            for mapping in (move.query, move.headers)
        )
        answer = world.call(move.method, path, who=move.who, query=query, headers=headers, **parts)
        status = journey.status(answer)
        if path == "/api/checkout" and status == 201:
            world.orders.append(answer["number"])
        elif path == "/api/me/addresses" and move.method == "POST" and status == 201:
            world.addresses.setdefault(move.who, []).append(answer["id"])


def _in(world: World, value: Any) -> Any:
    if isinstance(value, Named):
        return value.text.format(name=world.name)
    if isinstance(value, Pick):
        return _picked(world, value)
    if isinstance(value, dict):
        return {name: _in(world, part) for name, part in value.items()}
    return value


def _picked(world: World, pick: Pick) -> Any:
    if pick.kind == "product":
        return world.product(pick.number)
    if pick.kind == "order":
        return world.orders[pick.number % len(world.orders)] if world.orders else "NONE"
    world.address(pick.number % 2)
    known = world.addresses[pick.number % 2]
    return known[pick.number // 2 % len(known)]


def weighted(*choices: tuple[int, SearchStrategy[Any]]) -> SearchStrategy[Any]:
    """One of the strategies, each drawn as often as its weight says; `st.one_of` ignores repetitions."""
    expanded = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.sampled_from(expanded).flatmap(lambda strategy: strategy)


ODD_NUMBERS = (0, -1, 1.5, 2**31, 2**63, 2**64, 1e300)
ODD_TEXTS = ("", " ", "x" * 300, "a\x00b", "ü🛒", "\ud800", "' OR 1=1 --", "../../etc/passwd", "{}")
ODD_FIGURES = ("NaN", "-0.00", "1e5", "²", "１２")
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, *ODD_NUMBERS, *ODD_TEXTS, *ODD_FIGURES, [], {}, [[1]], {"a": {"b": []}}]
)
RAW = st.sampled_from(
    ["", "{", "[]", "null", "1", '"text"', '{"price": NaN}', "\ud800", '{"a": 1} x', "<xml/>"]
)
TEXTS = st.sampled_from(["Lamp", "Grüner Becher", "a", "x" * 150, "<b>bold</b>", "100%", "\t tab \n"])
ODD_PARTS = st.sampled_from(
    [
        "0",
        "-1",
        "999999999",
        "9223372036854775808",
        "abc",
        "1.5",
        "%00",
        "a%2Fb",
        "%27%20OR%201",
        "x" * 80,
        "%C3%BC",
    ]
)
ODD_WHO = ["forged", "refresh", "garbage", "a.b.c", ""]


def picks(kind: str, count: int) -> SearchStrategy[Any]:
    return st.integers(0, count - 1).map(lambda number: Pick(kind, number))


product = weighted((12, picks("product", 3)), (1, ODD_PARTS))
order = weighted((12, picks("order", 4)), (1, ODD_PARTS))
customer = st.sampled_from([0, 0, 0, 1])
anybody = st.sampled_from([0] * 12 + [1] * 5 + ["staff", "staff", None, *ODD_WHO])
manager = st.sampled_from(["staff"] * 20 + [0, 1, None, *ODD_WHO])


@st.composite
def fields(draw: Any, valid: dict[str, SearchStrategy[Any]], optional: frozenset[str] = frozenset()) -> Any:
    """A body: mostly as it should be, sometimes with a field left out, of another type, or unknown."""
    body = {name: draw(value) for name, value in valid.items() if name not in optional or draw(st.booleans())}
    spoiled = draw(st.sampled_from([None] * 12 + ["missing", "junk", "unknown", "whole"]))
    if spoiled == "whole":
        return draw(JUNK)
    name = draw(st.sampled_from(sorted(valid)))
    if spoiled == "missing":
        body.pop(name, None)
    elif spoiled == "junk":
        body[name] = draw(JUNK)
    elif spoiled == "unknown":
        body["unknown"] = draw(JUNK)
    return body


def texts(*choices: Any, odd: tuple[Any, ...] = ()) -> SearchStrategy[Any]:
    """One of the choices, and now and then something odd."""
    return st.sampled_from([*choices * (1 + 8 * len(odd) // len(choices)), *odd])


PRICES = st.one_of(
    texts("0.01", "9.99", "10", 7.1, "1.10", "0.00", odd=("12.345", "abc", "-1", "99999999.99")),
    st.decimals(0, 500, places=2).map(str),
)
ACCOUNT = {
    "email": texts(Named("{name}-new@shop.example"), Named("{name}-NEW@shop.example"), odd=("no address",)),
    "password": texts("correct-horse-battery", odd=("short", "12345678", "password")),
    "name": TEXTS,
}
ADDRESS = {
    "name": TEXTS,
    "street": TEXTS,
    "city": texts("Riga", "Köln", odd=("x" * 101,)),
    "postcode": texts("1010", "LV-1010", odd=("x" * 21,)),
    "country": texts("LV", "de", odd=("LVA", "1")),
}
PRODUCT = {
    "sku": texts(*(Named(f"{{name}}-made-{n}") for n in range(5)), odd=("white space", ".dot", "x" * 41)),
    "name": texts(Named("Thing {name}"), "Lamp", "ü", odd=("x" * 151,)),
    "description": TEXTS,
    "price": PRICES,
    "currency": texts("EUR", odd=("eur", "USD")),
    "category": texts("kitchen", odd=("no-such",)),
}
ADJUSTMENT = {"delta": texts(1, 2, 5, -1, -3, "3", odd=(-100, 0, 10**9, 10**9 + 1)), "reason": TEXTS}
CHECKOUT = {
    "payment_token": texts("tok_ok", odd=("tok_declined", "tok_twice", "tok_error", "other")),
    "address": weighted((9, st.just(Pick("address", 0))), (1, picks("address", 4))),
}
PAGE = {
    "page": texts("1", "2", odd=("0", "x", "last", "")),
    "page_size": texts("1", "2", "100", odd=("0", "x", "101")),
}
FILTERS = {
    "search": texts(Named("{name}"), odd=(Named("{name}%"), Named("{name}' OR 1=1 --"), Named("{name}\x00"))),
    "category": texts("kitchen", odd=("no-such", "\x00")),
    "min_price": PRICES,
    "max_price": PRICES,
    "ordering": texts("price", "-price", "name", "-name", odd=("id", "", "price,name")),
    **PAGE,
}
KEYS = weighted(
    (14, st.integers(0, 5).map(lambda number: Named(f"{{name}}-{number}"))),
    (1, texts("", "white space", "x" * 256, "ü")),
)


@st.composite
def query(draw: Any, values: dict[str, SearchStrategy[Any]], always: tuple[str, ...] = ()) -> dict[str, Any]:
    chosen = [*always, *draw(st.lists(st.sampled_from(sorted(values)), max_size=2))]
    return {name: draw(values[name]) for name in chosen}


def move(
    method: str,
    *path: Any,
    who: SearchStrategy[Any] | None = None,
    query: SearchStrategy[Any] | None = None,
    headers: SearchStrategy[Any] | None = None,
    body: SearchStrategy[Any] | None = None,
) -> SearchStrategy[Move]:
    """Draws of one operation. Path parts that are strategies are drawn."""
    drawn: dict[str, SearchStrategy[Any]] = {
        "path": st.tuples(*(part if isinstance(part, SearchStrategy) else st.just(part) for part in path)),
        "who": st.none() if who is None else who,
        "query": st.just({}) if query is None else query,
        "headers": st.just({}) if headers is None else headers,
    }
    if body is None:
        return st.builds(Move, method=st.just(method), **drawn)
    right = st.builds(Move, method=st.just(method), body=body, **drawn)
    broken = st.builds(Move, method=st.just(method), raw=RAW, **drawn)
    return weighted((14, right), (1, broken))


@st.composite
def checkout_headers(draw: Any) -> dict[str, Any]:
    return {} if draw(st.sampled_from([False] * 12 + [True])) else {"Idempotency-Key": draw(KEYS)}


REFRESH = {"refresh": texts("a.b.c", "", "x" * 5000)}
SET_LINE = move(
    "PUT",
    "/api/cart/lines/",
    product,
    who=customer,
    body=fields({"quantity": texts(1, 1, 2, 3, 0, "2", odd=(999, 1000, -1))}),
)
CHECK_OUT = move("POST", "/api/checkout", who=customer, headers=checkout_headers(), body=fields(CHECKOUT))


@st.composite
def purchase(draw: Any) -> list[Move]:
    """What leads to an order as a rule, and a look at what came of it."""
    who = draw(customer)
    quantity = draw(st.integers(1, 2))
    put = Move(
        method="PUT",
        path=("/api/cart/lines/", draw(picks("product", 2))),
        who=who,
        body={"quantity": quantity},
    )
    buy = Move(
        method="POST",
        path=("/api/checkout",),
        who=who,
        headers={"Idempotency-Key": draw(KEYS)},
        body={"payment_token": draw(CHECKOUT["payment_token"]), "address": Pick("address", who)},
    )
    look = draw(st.sampled_from(["", "/overview", "/cancel"]))
    method = "POST" if look == "/cancel" else "GET"
    return [put, buy, Move(method=method, path=("/api/orders/", Pick("order", -1), look), who=who)]


# How often each is drawn.
OPERATIONS: list[tuple[int, SearchStrategy[Move]]] = [
    (7, SET_LINE),
    (6, CHECK_OUT),
    (2, move("GET", "/api/cart", who=anybody)),
    (2, move("GET", "/api/orders", who=anybody, query=query(PAGE))),
    (3, move("GET", "/api/orders/", order, who=anybody)),
    (3, move("POST", "/api/orders/", order, "/cancel", who=anybody)),
    (2, move("GET", "/api/orders/", order, "/overview", who=anybody)),
    (2, move("GET", "/api/payments", who=anybody, query=query({"order": order, **PAGE}, ("order",)))),
    (1, move("GET", "/api/payments", who=anybody, query=query(PAGE))),
    (2, move("GET", "/api/notifications", who=anybody, query=query(PAGE))),
    (3, move("GET", "/api/products", query=query(FILTERS, ("search",)))),
    (2, move("GET", "/api/products/", product)),
    (2, move("GET", "/api/stock/", product)),
    (1, move("GET", "/api/categories", query=query(PAGE))),
    (
        2,
        move(
            "POST", "/api/products", who=manager, body=fields(PRODUCT, frozenset({"currency", "description"}))
        ),
    ),
    (3, move("PATCH", "/api/products/", product, who=manager, body=fields(PRODUCT, frozenset(PRODUCT)))),
    (1, move("DELETE", "/api/products/", product, who=manager)),
    (3, move("POST", "/api/stock/", product, "/adjust", who=manager, body=fields(ADJUSTMENT))),
    (1, move("GET", "/api/me", who=anybody)),
    (1, move("PATCH", "/api/me", who=customer, body=fields({"name": TEXTS, "email": TEXTS}))),
    (1, move("GET", "/api/me/addresses", who=anybody, query=query(PAGE))),
    (2, move("POST", "/api/me/addresses", who=customer, body=fields(ADDRESS))),
    (
        1,
        move(
            "DELETE", "/api/me/addresses/", st.integers(0, 3).map(lambda n: Pick("address", n)), who=customer
        ),
    ),
    (1, move("DELETE", "/api/me/addresses/", ODD_PARTS, who=anybody)),
    (1, move("POST", "/api/auth/register", body=fields(ACCOUNT))),
    (1, move("POST", "/api/auth/token", body=fields({n: ACCOUNT[n] for n in ("email", "password")}))),
    (1, move("POST", "/api/auth/token/refresh", body=fields(REFRESH))),
    (1, move("GET", "/.well-known/jwks.json")),
    (1, move("PUT", texts("/api/me", "/api/orders", "/api/products/1", "/api/nothing"), who=anybody)),
]
BLOCKS = weighted((12, weighted(*OPERATIONS).map(lambda move: [move])), (1, purchase()))


@st.composite
def sequences(draw: Any, length: int) -> list[Move]:
    """Mostly long sequences. The least length is drawn first and shrinks to 0, so findings get short."""
    least = draw(st.sampled_from([0, length // 3, length // 2, *[length] * 5]))
    blocks = draw(st.lists(BLOCKS, min_size=least, max_size=length + 1))
    return [move for block in blocks for move in block][:length]
