"""The domain that keeps."""

from strangler.chassis.domains import DomainConfig


class KeepingConfig(DomainConfig):
    name = "tests.chassis.events.keeping"
    label = "keeping"
    contract = "tests.chassis.events.contracts"
