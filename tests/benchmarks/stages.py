"""What a product costs at stage 3 and at stage 0: processor time of all that runs, by request.

Both stacks stand side by side and take turns, each with its own servers, and each is asked where its clients
ask. At stage 3 that is the gateway, the catalogue's service, and the inventory by RPC for what is available.
"""

from strangler.toolkit.stack import Stack
from tests.benchmarks.load import Result, Target, closed
from tests.benchmarks.processes import processor_seconds
from tests.benchmarks.rows import Row

FIRST, LAST = 0, 3
CLIENTS = 8
PRODUCT = "/api/products/7"
TARGET = 1.3
WARM_UP_SECONDS = 2.0
SHOWN = 5


def products(first: Stack, last: Stack, *, seconds: float, rounds: int) -> list[Row]:
    """Brings both up, and takes both down."""
    stacks = {FIRST: first, LAST: last}
    try:
        for stage, stack in stacks.items():
            stack.up(stage)
        targets = {stage: Target.of(stack.url, PRODUCT) for stage, stack in stacks.items()}
        for target in targets.values():
            closed(target, clients=CLIENTS, seconds=WARM_UP_SECONDS)
        answered = {stage: Result([], 0.0) for stage in stacks}
        spent: dict[int, dict[str, float]] = {stage: {} for stage in stacks}
        for _ in range(rounds):
            for stage, stack in stacks.items():
                before = processor_seconds(stack)
                answered[stage] += closed(targets[stage], clients=CLIENTS, seconds=seconds)
                for name, now in processor_seconds(stack).items():
                    spent[stage][name] = spent[stage].get(name, 0.0) + now - before.get(name, 0.0)
    finally:
        for stack in stacks.values():
            stack.down(purge=True)
    each = {stage: sum(spent[stage].values()) / len(answered[stage].latencies) for stage in stacks}
    rows = [
        Row(
            "stages",
            f"GET product at stage {stage}",
            round(each[stage] * 1000, 2),
            "CPU-ms",
            note=_most(spent[stage], len(answered[stage].latencies)),
        )
        for stage in stacks
    ]
    ratio = round(each[LAST] / each[FIRST], 2)
    return [*rows, Row("stages", f"GET product, stage {LAST} ÷ stage {FIRST}", ratio, "×", TARGET)]


def _most(spent: dict[str, float], requests: int) -> str:
    """Who spends most of it, in milliseconds."""
    order = sorted(spent, key=lambda name: -spent[name])[:SHOWN]
    return ", ".join(f"{name} {spent[name] / requests * 1000:.2f}" for name in order)
