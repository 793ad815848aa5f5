"""The domain that makes."""

from strangler.chassis.domains import DomainConfig


class MakingConfig(DomainConfig):
    name = "tests.chassis.events.making"
    label = "making"
    contract = "tests.chassis.events.contracts"
