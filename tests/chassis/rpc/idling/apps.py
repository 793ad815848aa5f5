"""The tiny service's other domain."""

from strangler.chassis.domains import DomainConfig


class IdlingConfig(DomainConfig):
    name = "tests.chassis.rpc.idling"
    label = "idling"
    contract = "tests.chassis.rpc.idling.contract"
