"""What the gateway adds: the same route of the same processes, asked directly and through it, in turns.

The added latency is measured *paced*, at a rate that leaves the machine idle half of the time: it answers
"how much later does a customer get the answer". In a closed loop on a machine of two cores everything
waits for the processor, and the difference of latencies is only the difference of throughput; that is
shown too, as a ratio of rates.
"""

from strangler.toolkit.stack import Stack
from tests.benchmarks.load import Result, Target, closed, paced
from tests.benchmarks.rows import Row

CLIENTS = (1, 8, 32)
LOAD = 0.4
PUBLIC, PRIVATE = "/api/products/7", "/api/me"
TARGETS_MS = {"public": 1.5, "ForwardAuth": 4.0}


def added(stack: Stack, direct: str, token: str, *, seconds: float, rounds: int) -> list[Row]:
    """Rows for each route and number of clients."""
    rows = []
    bearer = {"Authorization": f"Bearer {token}"}
    for kind, path, headers in [("public", PUBLIC, {}), ("ForwardAuth", PRIVATE, bearer)]:
        near = Target.of(direct, path, headers=headers)
        far = Target.of(stack.url, path, headers=headers)
        for clients in CLIENTS:
            rows += _one(kind, near, far, clients=clients, seconds=seconds, rounds=rounds)
    return rows


def _one(kind: str, near: Target, far: Target, *, clients: int, seconds: float, rounds: int) -> list[Row]:
    flat_out = {"direct": Result([], 0.0), "gateway": Result([], 0.0)}
    steady = {"direct": Result([], 0.0), "gateway": Result([], 0.0)}
    targets = {"direct": near, "gateway": far}
    for _ in range(rounds):
        for name, target in targets.items():
            flat_out[name] += closed(target, clients=clients, seconds=seconds)
    rate = LOAD * min(result.per_second for result in flat_out.values())
    for _ in range(rounds):
        for name, target in targets.items():
            steady[name] += paced(target, clients=clients, per_second=rate, seconds=seconds)
    what = f"{kind} route, {clients} client{'s' if clients > 1 else ''}"
    rows = []
    for share, label in [(0.5, "p50"), (0.99, "p99")]:
        direct, through = steady["direct"].ms(share), steady["gateway"].ms(share)
        limit = TARGETS_MS[kind] if clients == 8 and label == "p50" else None
        note = f"{direct:.2f} → {through:.2f} ms, paced at {rate:.0f}/s"
        rows.append(
            Row("gateway adds", f"{what}, {label}", round(through - direct, 2), "ms", limit, note=note)
        )
    near_p50, far_p50 = flat_out["direct"].ms(0.5), flat_out["gateway"].ms(0.5)
    near_rate, far_rate = flat_out["direct"].per_second, flat_out["gateway"].per_second
    rows.append(
        Row(
            "gateway adds",
            f"{what}, closed loop p50",
            round(far_p50 - near_p50, 2),
            "ms",
            note=f"{near_p50:.2f} → {far_p50:.2f} ms; {near_rate:.0f} → {far_rate:.0f} requests/s",
        )
    )
    return rows
