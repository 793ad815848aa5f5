"""The tiny service's domain."""

from strangler.chassis.domains import DomainConfig


class CountingConfig(DomainConfig):
    name = "tests.chassis.rpc.counting"
    label = "counting"
    contract = "tests.chassis.rpc.counting.contract"
